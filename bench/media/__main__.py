"""What films cost beside the guide's way and bare ffmpeg, when they play, and what a second worker brings.

Run: .venv/bin/python -m bench.media [--only cost,kept,quality,memory,seams,pipeline,split,playable,load] [--quick]
`load` takes ten minutes by itself, and runs only when it is named.
(MENTS_BENCH_QUICK=1 does the same as --quick: tiny films, one round, nothing is recorded.)
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tests.journey.footage import FFMPEG

from bench.jobs.place import Place, open_place
from bench.media import cost, load, quality, real, sources, split
from bench.media.ours import make_film
from bench.media.spent import take_orphans
from bench.record import Figure, record


@dataclass
class Bench:
    """What the phases share: the sizes of this run, the stack once one needs it, and what `cost` has made."""

    root: Path
    quick: bool
    held: ExitStack = field(default_factory=ExitStack)

    def folder(self, name: str) -> Path:
        path = self.root / name
        path.mkdir(exist_ok=True)
        return path

    @property
    def rounds(self) -> int:
        return 1 if self.quick else 3

    @cached_property
    def place(self) -> Place:
        return self.held.enter_context(open_place())

    @cached_property
    def camera(self) -> sources.Original:
        return sources.make_camera(self.root, 3 if self.quick else 10)

    @cached_property
    def tiny(self) -> sources.Original:
        return sources.make_tiny(self.root)

    @cached_property
    def encoded(self) -> cost.Rounds:
        return cost.measure(FFMPEG, self.camera, self.folder("encoded"), self.rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    short = ",".join(name for name in PHASES if name != "load")
    parser.add_argument("--only", default=short, help="phases, separated by commas")
    parser.add_argument("--quick", action="store_true", default=os.environ.get("MENTS_BENCH_QUICK") == "1")
    chosen = parser.parse_args()
    take_orphans()
    with tempfile.TemporaryDirectory(prefix="ments-bench-media-") as folder, ExitStack() as held:
        bench = Bench(Path(folder), chosen.quick, held)
        for phase in chosen.only.split(","):
            started, busy = time.monotonic(), os.getloadavg()[0]
            found = PHASES[phase](bench)
            if not chosen.quick:
                record(found)
            print(f"{phase}: {time.monotonic() - started:.0f} s (load before it {busy:.1f})", flush=True)
            for name, figure in found.items():
                bar = f" (asked {figure.bar})" if figure.bar else ""
                print(f"  {name}: {figure.value:.4g} {figure.unit}{bar} | {figure.peer}", flush=True)


def run_cost(bench: Bench) -> dict[str, Figure]:
    return cost.of_cost("encoded", bench.encoded, bench.camera, bar=1.4, aim=1.8)


def run_kept(bench: Bench) -> dict[str, Figure]:
    original = sources.make_web_ready(bench.root, 3 if bench.quick else 10)
    rounds = cost.measure(FFMPEG, original, bench.folder("kept"), min(2, bench.rounds))
    return cost.of_cost("kept", rounds, original, bar=2.5, aim=3.5)


def run_quality(bench: Bench) -> dict[str, Figure]:
    assert bench.encoded.film is not None
    return quality.of_quality(FFMPEG, bench.encoded.film, bench.folder("encoded") / "guide", bench.camera)


def run_memory(bench: Bench) -> dict[str, Figure]:
    large = sources.make_large(bench.root, 1 if bench.quick else 4)
    films = {
        "1080p": bench.encoded.film,
        "4096x2304": asyncio.run(make_film(FFMPEG, large.path, bench.folder("large"))),
    }
    peaks = {name: max(one.peak_mib for one in film.noted) for name, film in films.items() if film is not None}
    how = "largest resident memory of one child of a media worker, which runs one at a time for each of its jobs, two while it joins a film"
    beside = ", ".join(f"{name} {peak:.0f} MiB" for name, peak in peaks.items())
    return {"media/child_memory": Figure(max(peaks.values()), "MiB", how, "1200 MB", beside)}


def run_seams(bench: Bench) -> dict[str, Figure]:
    original = sources.make_camera_720p(bench.root, 18 if bench.quick else 26)
    return split.of_seams(FFMPEG, original, bench.folder("seams"), chunk_s=8)


def run_pipeline(bench: Bench) -> dict[str, Figure]:
    film = bench.encoded.film
    assert film is not None
    commands = real.bare_commands(FFMPEG, film)
    looks_cpu_s = sum(one.spent.cpu_s for one in film.noted if one.argv[0] != FFMPEG)
    found = asyncio.run(real.measure_overhead(bench.place, bench.camera, commands, bench.rounds, bench.tiny))
    return real.of_overhead(found, bench.camera, looks_cpu_s)


def run_playable(bench: Bench) -> dict[str, Figure]:
    minute, minutes, kept, encoded = (8, 2, 1, 1) if bench.quick else (60, 60, 8, 5)
    originals = {
        "kept_60s": sources.make_web_ready(bench.root, minute),
        "kept_60min": sources.make_lecture(bench.root, minutes, may_be_kept=True),
        "encoded_60s": sources.make_camera(bench.root, minute),
        "encoded_60min": sources.make_lecture(bench.root, minutes, may_be_kept=False),
    }
    counts = {name: kept if name.startswith("kept") else encoded for name in originals}
    bars = {name: "1 s" if name.startswith("kept") else "3 s" for name in originals}
    found = asyncio.run(real.measure_playable(bench.place, originals, counts, bench.tiny))
    return real.of_playable(found, originals, bars)


def run_split(bench: Bench) -> dict[str, Figure]:
    # Many chunks, as films have that are cut at all: with four of them one is always waited for.
    original, chunk_s = sources.make_camera_480p(bench.root, 34 if bench.quick else 144), 8 if bench.quick else 16
    found = asyncio.run(real.measure_split(bench.place, original, 1 if bench.quick else 2, chunk_s, bench.tiny))
    film, length_s = bench.encoded.film, bench.camera.length_s
    assert film is not None
    first, ladder = (film.spent_on_pieces(is_first=is_first).cpu_s / length_s for is_first in (True, False))
    joined = film.spent_on("join", "storyboard").wall_s / length_s
    around_s = 0.3
    figures = split.of_simulation(split.Pace(first, ladder, joined, around_s))
    return real.of_split(found, original, chunk_s) | figures


def run_load(bench: Bench) -> dict[str, Figure]:
    original, workers, seconds = sources.make_camera_720p(bench.root, 6), 2, 30 if bench.quick else 600
    found = asyncio.run(load.measure_load(bench.place, original, bench.tiny, workers=workers, seconds=seconds))
    return load.of_load(found, original, workers, seconds)


PHASES: dict[str, Callable[[Bench], dict[str, Figure]]] = {
    "cost": run_cost,
    "kept": run_kept,
    "quality": run_quality,
    "memory": run_memory,
    "seams": run_seams,
    "pipeline": run_pipeline,
    "split": run_split,
    "playable": run_playable,
    "load": run_load,
}

if __name__ == "__main__":
    main()
