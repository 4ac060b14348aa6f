"""A film in chunks beside the same film whole: pictures, sound packets, quality; and how long many workers would take."""

from __future__ import annotations

import asyncio
import heapq
from dataclasses import dataclass
from pathlib import Path

import av

from bench.media.ours import Film, make_film
from bench.media.quality import compare_ssim
from bench.media.sources import Original
from bench.record import Figure
from ments.media.chunks import CHUNK_S
from ments.media.film import plan_film
from ments.media.model import AudioStream, Probe, VideoStream


def of_seams(ffmpeg: str, original: Original, folder: Path, *, chunk_s: int) -> dict[str, Figure]:
    """Whether a film that was cut is the one that was not."""
    films: list[Film] = []
    for name, length in (("cut", chunk_s), ("whole", CHUNK_S)):
        made = folder / name
        made.mkdir()
        films.append(asyncio.run(make_film(ffmpeg, original.path, made, chunk_s=length)))
    cut, whole = films
    chunks = len({work.span.start_s for work in cut.works if not work.is_first})
    assert chunks > 1, "the film was not cut"
    differing, worst = 0, 0.0
    for of_cut, of_whole in zip([*cut.rungs, cut.sound], [*whole.rungs, whole.sound], strict=True):
        assert of_cut is not None
        assert of_whole is not None
        paths = cut.joined(of_cut), whole.joined(of_whole)
        differing += _packet_times(paths[0]) != _packet_times(paths[1])
        if of_cut is not cut.sound:
            seen = [compare_ssim(ffmpeg, path, original.path) for path in paths]
            worst = max(worst, abs(seen[0] - seen[1]))
    pieces = [film.spent_on("pieces").cpu_s for film in films]
    how = f"{original.length_s} s of 720p30 in {chunks} chunks, beside the same film whole"
    return {
        "media/split_differing_tracks": Figure(
            differing, "tracks", f"{how}; number and times of pictures, number and times of sound packets", "0"
        ),
        "media/split_ssim": Figure(worst, "SSIM", f"{how}; largest difference of a rung", "0.002"),
        "media/split_cpu": Figure(
            pieces[0], "CPU s", f"{how}; all pieces", "", f"whole {pieces[1]:.2f} CPU s", pieces[0] / pieces[1]
        ),
    }


def _packet_times(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return sorted(packet.pts for packet in container.demux() if packet.pts is not None)


@dataclass(frozen=True, slots=True)
class Pace:
    """What was measured on one core: CPU s for one s of film, by piece; and s for each job around its encoder."""

    first: float
    ladder: float
    join: float
    around_s: float


def simulate(pace: Pace, length_s: float, workers: int) -> float:
    """Seconds until a film is ready with so many idle workers of one core each. Pure.

    The first piece goes before all others; then whoever is free takes the next piece; joining is one job, and its time
    grows with the film. Storage and database are taken to keep up, which `around_s` holds for one worker.
    """
    probe = Probe(
        "mov",
        length_s,
        length_s,
        VideoStream(0, "h264", 1920, 1080, 0, 30.0, "yuv420p", "bt709", length_s, True),
        AudioStream(1, "aac", 2, length_s, True),
    )
    first, *rest = plan_film(probe)
    began = pace.around_s + pace.first * first.span.length_s
    free = [began] * workers
    heapq.heapify(free)
    for work in sorted(rest, key=lambda work: not work.is_first):
        taken = heapq.heappop(free)
        rate = pace.first if work.is_first else pace.ladder
        heapq.heappush(free, taken + pace.around_s + rate * work.span.length_s)
    return max(free) + pace.around_s + pace.join * length_s


def of_simulation(pace: Pace, minutes: int = 60, workers: tuple[int, ...] = (1, 2, 8, 32)) -> dict[str, Figure]:
    """What many workers give, reckoned from the pace of one."""
    alone = simulate(pace, minutes * 60, 1)
    how = (
        f"reckoned for {minutes} min of 1080p30 in chunks of {CHUNK_S} s, workers of one core each: first piece alone, the "
        f"others as workers come free, joining as one job. Measured: {pace.first:.2f} + {pace.ladder:.2f} CPU s of "
        f"encoding and {pace.join:.3f} s of joining a second of film, {pace.around_s:.2f} s around each job"
    )
    figures = {}
    for count in workers[1:]:
        wall_s = simulate(pace, minutes * 60, count)
        figures[f"media/simulated_{count}_workers"] = Figure(
            alone / wall_s,
            "x faster than one",
            how,
            "",
            f"ready after {wall_s / 60:.1f} min; one: {alone / 60:.0f} min",
        )
    return figures
