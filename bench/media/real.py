"""Films through real workers: over bare ffmpeg, until they play, and by two workers instead of one."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench.jobs.place import Place
from bench.media.ours import Film
from bench.media.sources import Original
from bench.media.spent import Spent, run_all
from bench.media.stage import Shown, open_stage, run_workers
from bench.record import Figure
from ments.media.chunks import BORDER_S


@dataclass(frozen=True, slots=True)
class Beside:
    """One film through a worker, and the commands that it ran, bare. `own_cpu_s` of the worker, without its jails."""

    worker: Spent
    bare: Spent
    own_cpu_s: float


async def measure_overhead(
    place: Place, original: Original, commands: Sequence[Sequence[str]], rounds: int, tiny: Original
) -> list[Beside]:
    """In turns. `commands` are those of the very same film, as the worker runs them, without the sandbox."""
    found = []
    async with open_stage(place) as stage:
        with run_workers(place, 1) as workers:
            await stage.show(tiny)  # imports, connections, and the sandbox's own test are paid once a process
            for _ in range(rounds):
                await stage.rest()
                before, own_before = workers.cpu_s(), workers.own_cpu_s()
                shown = await stage.show(original)
                await stage.rest()
                own = workers.own_cpu_s() - own_before
                worker = Spent(workers.cpu_s() - before, shown.ready_s)
                found.append(Beside(worker, run_all(commands), own))
    return found


def of_overhead(found: Sequence[Beside], original: Original, looks_cpu_s: float) -> dict[str, Figure]:
    """What comes on top of the encoder.

    The CPU of one and the same command differs by a tenth from run to run on this machine, whatever starts it: so what
    is counted is what the worker spends beside its encoder. The difference of the two ways is told, too.

    looks_cpu_s  of the programs in jails that are no encoder
    """
    cpu = statistics.median((one.own_cpu_s + looks_cpu_s) / one.bare.cpu_s for one in found)
    differs = statistics.median(one.worker.cpu_s / one.bare.cpu_s for one in found)
    wall_s = statistics.median(one.worker.wall_s - one.bare.wall_s for one in found)
    bare = Spent(
        statistics.median(one.bare.cpu_s for one in found), statistics.median(one.bare.wall_s for one in found)
    )
    how = (
        f"{original.length_s} s of 1080p30, median of {len(found)} rounds in turns; one worker process and all below it, "
        "from complete to ready; bare: the same ffmpeg commands one after another"
    )
    own_s = statistics.median(one.own_cpu_s for one in found)
    beside = f"bare {bare.cpu_s:.2f} CPU s, {bare.wall_s:.2f} s wall"
    counted = (
        f"{how}; counted is the worker process with its starting of jails ({own_s:.2f} CPU s) and the look at the "
        f"packets ({looks_cpu_s:.2f})"
    )
    return {
        "media/pipeline_cpu": Figure(
            cpu * 100,
            "% on top of bare ffmpeg",
            counted,
            "3%",
            f"{beside}; all that the worker and its jails spent against that: {(differs - 1) * 100:+.1f} %",
            1 + cpu,
        ),
        "media/pipeline_wall": Figure(wall_s, "s on top of bare ffmpeg", how, "0.3 s", beside),
    }


async def measure_playable(
    place: Place, originals: dict[str, Original], runs: dict[str, int], tiny: Original
) -> dict[str, list[Shown]]:
    """Each original several times, by one worker that is idle each time."""
    found: dict[str, list[Shown]] = {name: [] for name in originals}
    async with open_stage(place) as stage:
        # What plays first is as long as ever; the piece after it, which still runs when the film is erased, is short.
        with run_workers(place, 1, chunk_s=BORDER_S):
            await stage.show(tiny)
            for index in range(max(runs.values())):
                for name, original in originals.items():
                    if index < runs[name]:
                        found[name].append(await stage.show(original, until_ready=False))
    return found


def of_playable(
    found: dict[str, list[Shown]], originals: dict[str, Original], bars: dict[str, str]
) -> dict[str, Figure]:
    figures = {}
    for name, shown in found.items():
        waits = sorted(one.playable_s for one in shown)
        p95 = waits[min(len(waits) - 1, round(0.95 * (len(waits) - 1)))]
        mib = originals[name].bytes / 2**20
        how = f"{originals[name].length_s} s of video, {mib:.0f} MiB; p95 of {len(waits)} runs, from complete to playable, idle worker"
        figures[f"media/playable_{name}"] = Figure(
            p95, "s", how, bars[name], f"median {statistics.median(waits):.2f} s"
        )
    return figures


@dataclass(frozen=True, slots=True)
class Turn:
    """One film by some workers: until ready, and from the moment it plays until all pieces are stored; in s."""

    ready_s: float
    encode_s: float


async def measure_split(
    place: Place, original: Original, rounds: int, chunk_s: int, tiny: Original
) -> dict[int, list[Turn]]:
    """One worker and two, in turns, each on a core of its own."""
    found: dict[int, list[Turn]] = {1: [], 2: []}
    async with open_stage(place) as stage:
        for _ in range(rounds):
            for count, turns in found.items():
                with run_workers(place, count, chunk_s=chunk_s, one_core_each=True):
                    await stage.show(tiny)
                    shown = await stage.show(original)
                    turns.append(Turn(shown.ready_s, await stage.encode_span_s(shown.media_id)))
    return found


def of_split(found: dict[int, list[Turn]], original: Original, chunk_s: int) -> dict[str, Figure]:
    how = (
        f"{original.length_s} s of 480p30 in chunks of {chunk_s} s, median of {len(found[1])} rounds in turns; "
        "workers of one core each"
    )
    pieces = {count: statistics.median(turn.encode_s for turn in turns) for count, turns in found.items()}
    whole = {count: statistics.median(turn.ready_s for turn in turns) for count, turns in found.items()}
    figures = {}
    for name, by_count, what, bar in (
        ("split_speedup", pieces, "pieces, from playable to the last one stored", "1.8"),
        ("split_speedup_ready", whole, "from complete to ready", ""),
    ):
        one, two = by_count[1], by_count[2]
        figures[f"media/{name}"] = Figure(one / two, "x", f"{how}; {what}", bar, f"one {one:.1f} s, two {two:.1f} s")
    return figures


def bare_commands(ffmpeg: str, film: Film) -> list[Sequence[str]]:
    """The encoder's commands of a film, in order."""
    return [one.argv for one in film.noted if one.argv[0] == ffmpeg]
