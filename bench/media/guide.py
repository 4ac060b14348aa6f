"""The guide's way: its command for one file, once for each rung, and its command for a picture."""

from __future__ import annotations

from pathlib import Path

from bench.media.spent import Spent, run_all

HEIGHTS = (1080, 720, 480, 240)


def run_guide(ffmpeg: str, source: Path, folder: Path, heights: tuple[int, ...] = HEIGHTS) -> Spent:
    """Make `output_{height}.mp4` of each rung, and `thumbnail.jpg`."""
    quiet = (ffmpeg, "-v", "error", "-nostdin", "-y", "-i", str(source))
    rungs = [
        [
            *quiet,
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-crf",
            "23",
            "-vf",
            f"scale=-2:{height}",
            _path(folder, height),
        ]
        for height in heights
    ]
    picture = [*quiet, "-ss", "00:00:01.000", "-vframes", "1", "-update", "1", str(folder / "thumbnail.jpg")]
    return run_all([*rungs, picture])


def _path(folder: Path, height: int) -> str:
    return str(folder / f"output_{height}.mp4")
