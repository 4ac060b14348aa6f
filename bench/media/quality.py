"""How good each rung is: VMAF and SSIM against the original at its own size, as a large screen shows it."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bench.media.ours import Film
from bench.media.sources import Original
from bench.record import Figure

_EVERY = 3
"""VMAF of each third picture: the mean moves in the second digit after the point."""


@dataclass(frozen=True, slots=True)
class Seen:
    vmaf: float
    ssim: float


def compare(ffmpeg: str, made: Path, original: Path, *, size: tuple[int, int] = (1920, 1080)) -> Seen:
    """Scale a rendition to the original's size, and compare picture by picture."""
    log = made.with_suffix(".vmaf.json")
    width, height = size
    graph = (
        f"[0:v:0]scale={width}:{height}:flags=bicubic,settb=AVTB,setpts=N/30/TB,split=2[a][c];"
        f"[1:v:0]format=yuv420p,settb=AVTB,setpts=N/30/TB,split=2[b][d];"
        f"[a][b]libvmaf=log_fmt=json:log_path={log}:n_subsample={_EVERY}:n_threads=2[v];[c][d]ssim[s]"
    )
    done = subprocess.run(
        [
            *(ffmpeg, "-hide_banner", "-nostdin", "-i", str(made), "-i", str(original)),
            *("-lavfi", graph, "-map", "[v]", "-map", "[s]", "-f", "null", "-"),
        ],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    vmaf = json.loads(log.read_text())["pooled_metrics"]["vmaf"]["mean"]
    found = re.search(r"SSIM .*All:([0-9.]+)", done.stderr)
    assert found, done.stderr[-500:]
    return Seen(float(vmaf), float(found[1]))


def compare_ssim(ffmpeg: str, made: Path, original: Path) -> float:
    """SSIM alone, at the rendition's own size."""
    graph = (
        "[0:v:0]settb=AVTB,setpts=N/30/TB,split=2[a][r];[1:v:0]format=yuv420p,settb=AVTB,setpts=N/30/TB[o];"
        "[o][r]scale=rw:rh:flags=bicubic[b];[a][b]ssim"
    )
    argv = [
        ffmpeg,
        "-hide_banner",
        "-nostdin",
        "-i",
        str(made),
        "-i",
        str(original),
        "-lavfi",
        graph,
        "-f",
        "null",
        "-",
    ]
    done = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=300)
    found = re.search(r"SSIM .*All:([0-9.]+)", done.stderr)
    assert found, done.stderr[-500:]
    return float(found[1])


def of_quality(ffmpeg: str, film: Film, guided: Path, original: Original) -> dict[str, Figure]:
    """A row for each rung, with the guide's file of that height beside it."""
    figures = {}
    for line in film.rungs:
        height = min(line.width, line.height)
        ours, theirs = film.joined(line), guided / f"output_{height}.mp4"
        seen, beside = compare(ffmpeg, ours, original.path), compare(ffmpeg, theirs, original.path)
        size, other = sum(segment.bytes for segment in line.segments), theirs.stat().st_size
        heard = sum(segment.bytes for segment in film.sound.segments) if film.sound else 0
        figures[f"media/vmaf_{height}p"] = Figure(
            seen.vmaf,
            "VMAF",
            f"shown at 1080p; {size / 1000:.0f} kB without sound, SSIM {seen.ssim:.4f}",
            "",
            f"guide's {height}p: {beside.vmaf:.1f}, {(other - heard) / 1000:.0f} kB, SSIM {beside.ssim:.4f}",
            seen.vmaf / beside.vmaf,
        )
    return figures
