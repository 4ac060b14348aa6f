"""Read back what a run has written: the packets of init files and segments, as a client gets them."""

from __future__ import annotations

import io
from array import array
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
from PIL import Image


@dataclass(frozen=True)
class Stored:
    """The packets of one rendition. Times in ticks of its clock (90,000 for pictures), in the order of decoding."""

    pts: list[int]
    dts: list[int]
    keys: list[int]
    data: list[bytes]

    @property
    def shown(self) -> list[int]:
        return sorted(self.pts)

    def check_order(self) -> None:
        """Every packet comes after the one before it, also where two chunks meet."""
        assert all(left < right for left, right in pairwise(self.dts))
        assert len(set(self.pts)) == len(self.pts)


def joined(folder: Path, name: str, mark: str) -> bytes:
    """An init file and all segments of a chunk, one after another."""
    segments = sorted(folder.glob(f"{name}-{mark}-[0-9]*.m4s"))
    return b"".join(path.read_bytes() for path in (folder / f"{name}-{mark}-init.mp4", *segments))


def read_packets(*chunks: bytes) -> Stored:
    """Packets of chunks in their order, each read with its own init file."""
    stored = Stored([], [], [], [])
    for chunk in chunks:
        with av.open(io.BytesIO(chunk), "r") as container:
            for packet in container.demux(container.streams[0]):
                if packet.pts is None or packet.dts is None:
                    continue
                stored.pts.append(packet.pts)
                stored.dts.append(packet.dts)
                stored.data.append(bytes(packet))
                if packet.is_keyframe:
                    stored.keys.append(packet.pts)
    return stored


def read_times(path: Path) -> dict[str, list[float]]:
    """When each picture and each sound packet of a file is shown, in s, ascending; by `video` and `audio`."""
    times: dict[str, list[float]] = {"video": [], "audio": []}
    with av.open(str(path), options={"allowed_extensions": "ALL"}) as container:
        for packet in container.demux():
            if packet.pts is not None and packet.time_base is not None:
                times[packet.stream.type].append(float(packet.pts * packet.time_base))
    return {kind: sorted(found) for kind, found in times.items()}


def brightest(image: Image.Image) -> int:
    """The largest value of any pixel, 0 to 255: above black when there is a picture."""
    return max(place for place, count in enumerate(image.convert("L").histogram()) if count)


def count_pictures(chunk: bytes) -> tuple[int, tuple[int, int]]:
    """How many pictures can be decoded, and their size in px."""
    with av.open(io.BytesIO(chunk), "r") as container:
        sizes = [(frame.width, frame.height) for frame in container.decode(video=0)]
    assert len(set(sizes)) == 1
    return len(sizes), sizes[0]


def read_sound(chunk: bytes) -> array[float]:
    """The samples of the left channel."""
    samples = array("f")
    with av.open(io.BytesIO(chunk), "r") as container:
        for frame in container.decode(audio=0):
            samples.frombytes(bytes(frame.planes[0])[: frame.samples * 4])
    return samples


def loudness(samples: array[float]) -> float:
    """Root of the mean square."""
    return float((sum(value * value for value in samples) / len(samples)) ** 0.5)
