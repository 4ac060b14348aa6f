"""The originals: real footage (the clip that the journey's tests use), made as long and as large as a phone's.

The clip is 720p and 5.3 s long: it is scaled to 1080p30, repeated, and given the fine grain of a sensor, without which
8 Mbit/s would have nothing to hold.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.journey.footage import FFMPEG, real_video

_GRAIN = "noise=c0s=4:c0f=t"


@dataclass(frozen=True, slots=True)
class Original:
    """One file; `length_s` long."""

    path: Path
    length_s: int

    @property
    def bytes(self) -> int:
        return self.path.stat().st_size


def make_camera(folder: Path, seconds: int) -> Original:
    """1080p30 at 8 Mbit/s: more than the top rung may have, so that all of it is encoded."""
    return _encode(folder / f"camera-{seconds}.mp4", seconds, "1920:1080", "8M", gop=60)


def make_camera_720p(folder: Path, seconds: int) -> Original:
    """720p30 at 6 Mbit/s, for what would take too long in 1080p."""
    return _encode(folder / f"camera-720p-{seconds}.mp4", seconds, "1280:720", "6M", gop=60)


def make_camera_480p(folder: Path, seconds: int) -> Original:
    """480p30 at 3 Mbit/s, for what has to be long."""
    return _encode(folder / f"camera-480p-{seconds}.mp4", seconds, "854:480", "3M", gop=60)


def make_web_ready(folder: Path, seconds: int) -> Original:
    """1080p30 at 4.5 Mbit/s with a keyframe each 2 s: its pictures may be kept."""
    return _encode(folder / f"web-{seconds}.mp4", seconds, "1920:1080", "4500k", gop=60)


def make_tiny(folder: Path) -> Original:
    """A second at 240p, for warming up."""
    return _encode(folder / "tiny.mp4", 1, "426:240", "600k", gop=30)


def make_large(folder: Path, seconds: int) -> Original:
    """The largest picture that is taken: 4096 by 2304."""
    return _encode(folder / f"large-{seconds}.mp4", seconds, "4096:2304", "20M", gop=60)


def make_lecture(folder: Path, minutes: int, *, may_be_kept: bool) -> Original:
    """Long, and small on the disk: 480p at 40 kbit/s, since it is packets that count. Keyframes 10 s apart forbid to keep it."""
    name, gop = ("lecture-kept", 60) if may_be_kept else ("lecture-encoded", 300)
    minute = _encode(folder / f"{name}-60.mp4", 60, "854:480", "40k", gop=gop, grain=False, sound="24k", channels=1)
    path = folder / f"{name}.mp4"
    _run("-stream_loop", str(minutes - 1), "-i", str(minute.path), "-c", "copy", "-movflags", "+faststart", str(path))
    return Original(path, 60 * minutes)


def _encode(
    path: Path,
    seconds: int,
    size: str,
    rate: str,
    *,
    gop: int,
    grain: bool = True,
    sound: str = "160k",
    channels: int = 2,
) -> Original:
    filters = f"scale={size}:flags=lanczos,setsar=1,fps=30{',' + _GRAIN if grain else ''}"
    _run(
        *("-stream_loop", "-1", "-i", str(real_video()), "-t", str(seconds), "-vf", filters),
        *("-c:v", "libx264", "-preset", "superfast", "-b:v", rate, "-maxrate", rate, "-bufsize", rate),
        *("-g", str(gop), "-sc_threshold", "0", "-keyint_min", str(gop), "-pix_fmt", "yuv420p", "-profile:v", "high"),
        *("-c:a", "aac", "-b:a", sound, "-ac", str(channels), "-ar", "48000", "-movflags", "+faststart", str(path)),
    )
    return Original(path, seconds)


def _run(*words: str) -> None:
    subprocess.run([FFMPEG, "-v", "error", "-nostdin", "-y", *words], check=True, timeout=300)
