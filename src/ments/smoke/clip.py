"""A small clip of its own, so that the smoke test needs no file from anybody."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ments.errors import MentsError

CLIP_SECONDS = 3
_TIMEOUT_S = 60


class ClipNotMade(MentsError):
    """ffmpeg is missing or broken on the machine that runs the smoke test."""

    code = "clip_not_made"


def make_clip(ffmpeg: str, path: Path) -> str:
    """Write a portrait MP4 of 3 s with picture and sound, as a phone would send it.

    ffmpeg  full path of the program

    Returns a line about it. Raises ClipNotMade.
    """
    command = [
        *(ffmpeg, "-nostdin", "-v", "error", "-y"),
        *("-f", "lavfi", "-i", f"testsrc2=size=540x960:rate=30:duration={CLIP_SECONDS}"),
        *("-f", "lavfi", "-i", f"sine=frequency=440:sample_rate=48000:duration={CLIP_SECONDS}"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"),
        *("-c:a", "aac", "-shortest", "-movflags", "+faststart", str(path)),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ClipNotMade(f"The test clip could not be made with {ffmpeg}: {error}") from error
    if done.returncode:
        raise ClipNotMade(f"The test clip could not be made with {ffmpeg}: {done.stderr.strip()[-300:]}")
    return f"{CLIP_SECONDS} s, {path.stat().st_size:,} bytes"
