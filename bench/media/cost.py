"""The ladder: the guide's five runs beside ours for the same outputs, in turns; and what ours makes, for the quality."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from bench.media.guide import run_guide
from bench.media.ours import Film, make_film
from bench.media.sources import Original
from bench.media.spent import Spent, median
from bench.record import Figure

OUTPUTS = ("pieces", "poster", "storyboard")
"""The runs that make what is compared: rungs, sound and poster as the guide has them, and the storyboard on top."""


@dataclass
class Rounds:
    """What each round has cost, by way."""

    guide: list[Spent] = field(default_factory=list)
    ours: list[Spent] = field(default_factory=list)
    whole: list[Spent] = field(default_factory=list)
    film: Film | None = None


def measure(ffmpeg: str, original: Original, folder: Path, rounds: int) -> Rounds:
    """Run the ways in turns. The last round's files stay in `folder`/guide and `folder`/ours."""
    found = Rounds()
    guided, made = folder / "guide", folder / "ours"
    for _ in range(rounds):
        for path in (guided, made):
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir()
        found.guide.append(run_guide(ffmpeg, original.path, guided))
        film = asyncio.run(make_film(ffmpeg, original.path, made))
        found.ours.append(film.spent_on(*OUTPUTS))
        found.whole.append(film.whole)
        found.film = film
    return found


def of_cost(name: str, rounds: Rounds, original: Original, *, bar: float, aim: float) -> dict[str, Figure]:
    """How many times less CPU ours takes for the same outputs."""
    guide, ours, whole = median(rounds.guide), median(rounds.ours), median(rounds.whole)
    assert rounds.film is not None
    kept = "the top rung kept as it is" if rounds.film.is_copied else "all rungs encoded"
    how = (
        f"{original.length_s} s of 1080p30 with sound, {kept}; median of {len(rounds.ours)} rounds in turns; "
        "four rungs, sound, poster, and our storyboard on top"
    )
    beside = (
        f"guide's way (five runs) {guide.cpu_s:.2f} CPU s, {guide.wall_s:.1f} s wall; ours {ours.wall_s:.1f} s wall"
    )
    return {
        f"media/{name}_cpu": Figure(ours.cpu_s, "CPU s", how, "", beside, ours.cpu_s / guide.cpu_s),
        f"media/{name}_times_less_cpu": Figure(guide.cpu_s / ours.cpu_s, "x", how, f"{bar} (aim {aim})", beside),
        f"media/{name}_all_cpu": Figure(
            whole.cpu_s,
            "CPU s",
            f"{how}; and looking, blurhash, MP4 to download, preview",
            "",
            beside,
            whole.cpu_s / guide.cpu_s,
        ),
    }
