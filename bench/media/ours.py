"""Our way, by the worker's own functions on this disk: look, plan, make all pieces, join them. Each run is noted."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.media.spent import Clock, Spent, end_jails
from ments.media.actions.assemble import choose_lines
from ments.media.argv import Limits
from ments.media.film import PieceWork
from ments.media.film_join import Inputs, join_film, write_playlists
from ments.media.film_run import make_film_piece
from ments.media.model import Probe
from ments.media.render import Workshop, plan_original
from ments.media.sandbox import Command, Finished, Sandbox
from ments.media.tracks import Line, StoredPart, WantedPart

BWRAP = "/usr/bin/bwrap"


@dataclass(frozen=True, slots=True)
class Noted:
    """One run in the sandbox: what for, what it cost, its largest process, and the command as it would be without the sandbox."""

    label: str
    spent: Spent
    peak_mib: float
    argv: tuple[str, ...]


class NotingSandbox(Sandbox):
    """The worker's sandbox; what is run in it is noted under the label of the moment, one run at a time to tell them apart."""

    def __init__(self) -> None:
        super().__init__(BWRAP)
        self._alone = asyncio.Lock()
        self.label = ""
        self.noted: list[Noted] = []

    async def run(
        self,
        command: Command,
        *,
        source: Path,
        folder: Path,
        programs: Sequence[str],
        limits: Limits,
        on_line: Callable[[str], None] | None = None,
    ) -> Finished:
        argv = tuple(command(str(source), str(folder)))
        async with self._alone:
            clock = Clock()
            finished = await super().run(
                command, source=source, folder=folder, programs=programs, limits=limits, on_line=on_line
            )
            peak_mib = end_jails()
            self.noted.append(Noted(self.label, clock.read(), peak_mib, argv))
        return finished


@dataclass
class Film:
    """What was made of one original, in `folder`, and what it cost."""

    folder: Path
    probe: Probe
    works: tuple[PieceWork, ...]
    rungs: list[Line] = field(default_factory=list)
    sound: Line | None = None
    noted: list[Noted] = field(default_factory=list)
    whole: Spent = field(default_factory=Spent)

    def spent_on(self, *labels: str) -> Spent:
        return sum((one.spent for one in self.noted if one.label in labels), Spent())

    def spent_on_pieces(self, *, is_first: bool) -> Spent:
        """What the encoder spent on the pieces that a film needs to be played to its end, or on the others."""
        runs = (one.spent for one in self.noted if one.label == "pieces")
        spent = zip(self.works, runs, strict=True)
        return sum((one for work, one in spent if work.is_first is is_first), Spent())

    @property
    def is_copied(self) -> bool:
        return self.works[0].copies

    def joined(self, line: Line) -> Path:
        """One file of a line's init file and segments; made by its first caller."""
        path = self.folder / f"{line.name}.in"
        if not path.exists():
            join(self.folder, line, path)
        return path


async def make_film(ffmpeg: str, source: Path, folder: Path, *, chunk_s: int = 64) -> Film:
    """Make all that a worker makes of an original, into an empty folder."""
    sandbox = NotingSandbox()
    workshop = Workshop(sandbox, ffmpeg, lambda fraction: None)
    await sandbox.is_jailed()
    clock = Clock()
    sandbox.label = "probe"
    plan = await plan_original(workshop, source, folder, chunk_s=chunk_s)
    assert plan.probe is not None
    film = Film(folder, plan.probe, plan.works)
    parts: list[WantedPart] = []
    for index, work in enumerate(plan.works):
        sandbox.label = "pieces"
        made = await make_film_piece(workshop, plan.probe, work, source, folder, lease=1, poster=index == 0)
        stored = StoredPart("s1", made.tracks, independent=not work.copies)
        parts.append(WantedPart(work.name, work.span.start_s, work.track_names, work.share, stored))
    sandbox.label = "join"
    film.rungs, film.sound = choose_lines(parts)
    shown = [line for line in film.rungs if min(line.width, line.height) <= 720]
    best, small = shown[-1] if shown else film.rungs[0], film.rungs[0]
    inputs = Inputs(
        best, film.joined(best), small, film.joined(small), film.sound, film.joined(film.sound) if film.sound else None
    )
    await join_film(workshop, plan.probe, inputs, folder, folder)
    write_playlists(folder, plan.probe, film.rungs, film.sound)
    film.whole = clock.read()
    film.noted = [replace(one, label=_label(one)) for one in sandbox.noted]
    return film


def join(folder: Path, line: Line, path: Path) -> None:
    first = next(track.init_file for _, track in line.parts if track.init_file)
    with path.open("wb") as whole:
        for name in (first, *(segment.file for segment in line.segments)):
            with (folder / name).open("rb") as part:
                shutil.copyfileobj(part, whole)


def _label(one: Noted) -> str:
    """Finer than the moment: which of the joining runs makes the storyboard, and what is no encoding."""
    if any("storyboard-" in word for word in one.argv):
        return "storyboard"
    if one.label == "pieces" and not any(word.endswith(".m3u8") for word in one.argv):
        return "poster" if any(word.endswith("poster.jpg") for word in one.argv[-1:]) else "looks"
    if any("preview.webp" in word for word in one.argv):
        return "preview"
    return one.label
