"""Small films that show which way is up and what can be heard when, in every wrapping that cameras and programs use.

The card is red at the top left, green at the top right, blue at the bottom left and white at the bottom right.
"""

from __future__ import annotations

import subprocess
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
from PIL import Image

from originals import FFMPEG
from stored_hls import loudness

_COLOURS = {"r": (255, 0, 0), "g": (0, 255, 0), "b": (0, 0, 255), "w": (255, 255, 255), "k": (0, 0, 0)}
_LIMITS = ("--as=4000000000", "--cpu=60", "--fsize=300000000", "--nofile=256", "--core=0")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")


@dataclass(frozen=True, slots=True)
class Clip:
    """An original, and what must be played in the end. Sizes in px, times in s from the film's beginning.

    make     writes it into an empty folder, and returns its path
    size     None for a sound
    frames   pictures of the largest file; sound None for a film without
    corners  colours of the four corners, in reading order: `rgbw` stands upright
    heard    spans in which the tone sounds; silent spans in which nothing does
    """

    name: str
    make: Callable[[Path], Path]
    size: tuple[int, int] | None = (160, 120)
    seconds: float = 1.0
    frames: int = 25
    sound: bool = True
    corners: str = "rgbw"
    heard: Sequence[tuple[float, float]] = ((0.25, 0.75),)
    silent: Sequence[tuple[float, float]] = ()
    filename: str | None = None


def ffmpeg(*words: str | Path, cwd: Path | None = None) -> None:
    """Run the pinned ffmpeg to its end under limits: what makes hostile files must not hurt either."""
    argv = ["/usr/bin/prlimit", *_LIMITS, FFMPEG, "-v", "error", "-nostdin", "-y", *map(str, words)]
    subprocess.run(argv, check=True, timeout=60, cwd=cwd)


def card(size: str = "160x120", *, rate: str = "25", seconds: float = 1.0) -> tuple[str, ...]:
    """The card, as an input."""
    boxes = [("iw/2", "0", "lime"), ("0", "ih/2", "blue"), ("iw/2", "ih/2", "white")]
    drawn = ",".join(f"drawbox=x={x}:y={y}:w=iw/2+1:h=ih/2+1:c={colour}:t=fill" for x, y, colour in boxes)
    return ("-f", "lavfi", "-i", f"color=red:s={size}:r={rate}:d={seconds},format=yuv444p,{drawn}")


def tone(seconds: float = 1.0, *, rate: int = 44_100) -> tuple[str, ...]:
    """A tone in one channel, as an input."""
    return ("-f", "lavfi", "-i", f"sine=f=440:r={rate}:d={seconds}")


def film(
    file: str,
    *words: str,
    size: str = "160x120",
    rate: str = "25",
    seconds: float = 1.0,
    sound_s: float | None = 1.0,
    sound_rate: int = 44_100,
    before: Sequence[str] = (),
    before_sound: Sequence[str] = (),
    picture: Sequence[str] = X264,
    sound: Sequence[str] = ("-c:a", "aac"),
) -> Callable[[Path], Path]:
    """Make a maker of `file`.

    sound_s              None for a film without sound
    before, before_sound options of the picture's and of the sound's input
    picture, sound       the codecs with their options; `words` are further options of the output
    """

    def make(folder: Path) -> Path:
        heard = (*before_sound, *tone(sound_s, rate=sound_rate)) if sound_s is not None else ()
        codecs = (*picture, *(sound if sound_s is not None else ()))
        ffmpeg(*before, *card(size, rate=rate, seconds=seconds), *heard, *codecs, *words, folder / file)
        return folder / file

    return make


def rewrapped(file: str, *words: str, of: Callable[[Path], Path], before: Sequence[str] = ()) -> Callable[[Path], Path]:
    """Make a maker that copies what another one made into another file, packets unchanged unless `words` say so."""

    def make(folder: Path) -> Path:
        (inner := folder / "inner").mkdir()
        ffmpeg(*before, "-i", of(inner), *words, folder / file)
        return folder / file

    return make


def replaced(of: Callable[[Path], Path], old: bytes, new: bytes, *, count: int = -1) -> Callable[[Path], Path]:
    """Make a maker that changes some bytes of what another one made; they must be there."""

    def make(folder: Path) -> Path:
        path = of(folder)
        data = path.read_bytes()
        assert old in data
        path.write_bytes(data.replace(old, new, count))
        return path

    return make


@dataclass(frozen=True, slots=True)
class Played:
    """A film or sound as a player decodes it. Times in s; the samples are those of the left channel, `rate` a second."""

    size: tuple[int, int] | None
    times: list[float]
    corners: str
    end_s: float
    samples: array[float] | None
    rate: int = 0

    def is_heard(self, start_s: float, end_s: float) -> bool:
        """Whether there is a tone between two times; False also where there is nothing."""
        assert self.samples is not None
        part = self.samples[int(start_s * self.rate) : int(end_s * self.rate)]
        return len(part) > 0 and loudness(part) > 0.01


def play(path: Path) -> Played:
    """Decode all of a file that we have made, and check what every player relies on."""
    times: list[float] = []
    corners, size, end_s = "", None, 0.0
    to_image: Callable[[av.VideoFrame], Image.Image] = av.VideoFrame.to_image
    with av.open(str(path)) as container:
        assert {stream.type for stream in container.streams} <= {"video", "audio"}
        for frame in container.decode(video=0) if container.streams.video else ():
            assert (frame.format.name, frame.rotation) == ("yuv420p", 0)
            assert frame.time is not None
            corners = corners or name_corners(to_image(frame))
            times.append(frame.time)
            size = (frame.width, frame.height)
        if container.streams.video:
            assert container.streams.video[0].codec_context.name == "h264"
            assert (container.streams.video[0].sample_aspect_ratio or 1) == 1
        end_s = (container.duration or 0) / 1_000_000
        assert len(container.streams.audio) <= 1
        has_sound = bool(container.streams.audio)
    return Played(size, times, corners, end_s, *(_read_samples(path) if has_sound else (None,)))


def _read_samples(path: Path) -> tuple[array[float], int]:
    samples = array("f")
    with av.open(str(path)) as container:
        context = container.streams.audio[0].codec_context
        assert context.name == "aac"
        assert context.sample_rate in (44_100, 48_000)
        assert context.channels in (1, 2)
        for frame in container.decode(audio=0):
            samples.frombytes(bytes(frame.planes[0])[: frame.samples * 4])
        return samples, context.sample_rate


def name_corners(image: Image.Image) -> str:
    """The colours in the middles of the four quarters, in reading order, each by the letter of the nearest."""
    return "".join(
        _nearest(image.convert("RGB").getpixel((image.width * x // 4, image.height * y // 4)))
        for y in (1, 3)
        for x in (1, 3)
    )


def _nearest(pixel: object) -> str:
    assert isinstance(pixel, tuple)
    return min(_COLOURS, key=lambda name: sum((a - b) ** 2 for a, b in zip(pixel, _COLOURS[name], strict=True)))


def left_in(folder: Path) -> list[Path]:
    """Work folders of tries that did not clean up."""
    return list(folder.glob("ments-media-*"))
