"""How trending came about, for operators: the list with the reason of each post, the history, made again on demand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from ments.db import Session, write_array
from ments.errors import NotFound
from ments.feeds.trending_overrides import OverrideLine, list_override_log
from ments.feeds.trending_rules import Entry, Inputs, OverrideKind, explain, rank_trending
from ments.feeds.trending_store import Run, find_run, list_pinned_and_removed, queries, read_list
from ments.parts import Parts

_RUNS = 20
_LINES = 20
_SHOWN_CHARACTERS = 80


class RunNotFound(NotFound):
    """There is no list of this number, or it was too long ago."""

    code = "run_not_found"


@dataclass(frozen=True, slots=True)
class EntryView:
    """A post on a list, with why it is there; its words and author as they are now, '' where it is gone."""

    place: int
    post_id: UUID
    score: float
    accounts: int
    pinned: bool
    since: datetime
    why: str
    content: str
    author: str


@dataclass(frozen=True, slots=True)
class OverrideView:
    """A post that operators said something of."""

    post_id: UUID
    kind: OverrideKind
    at: datetime
    content: str
    author: str


@dataclass(frozen=True, slots=True)
class RunLine:
    """A list of the history."""

    id: int
    made_at: datetime
    took_ms: int
    version: int
    posts: int


@dataclass(frozen=True, slots=True)
class TrendingStanding:
    """How trending stands. `cursor` asks for earlier runs, None when there are none."""

    run_id: int
    made_at: datetime | None
    entries: list[EntryView]
    overrides: list[OverrideView]
    log: list[OverrideLine]
    runs: list[RunLine]
    cursor: int | None


@dataclass(frozen=True, slots=True)
class RunView:
    """A list of the history. `replayed`: its inputs give the same list again by the rules of now."""

    id: int
    made_at: datetime
    took_ms: int
    replayed: bool
    entries: list[EntryView]
    inputs: Inputs


def now() -> datetime:
    """The moment."""
    return datetime.now(UTC)


async def read_standing(parts: Parts, *, before: int | None = None) -> TrendingStanding:
    """Read the list that is shown and how it came about, what operators said, and a page of the history."""
    async with parts.primary.session() as session:
        shown = await read_list(session)
        run = await find_run(session, shown.run_id)
        overrides = await list_pinned_and_removed(session)
        names = await _names(session, [*(e.post_id for e in shown.entries), *(o.post_id for o in overrides)])
        lines = await list_override_log(session, n=_LINES)
        runs = [
            RunLine(**row) async for row in queries.list_runs(session.connection, before=before or 2**62, n=_RUNS + 1)
        ]
    return TrendingStanding(
        run_id=shown.run_id,
        made_at=shown.made_at,
        entries=_entries(run.inputs, shown.entries, names) if run else [],
        overrides=[OverrideView(o.post_id, o.kind, o.at, *names.get(o.post_id, ("", ""))) for o in overrides],
        log=lines,
        runs=runs[:_RUNS],
        cursor=runs[_RUNS - 1].id if len(runs) > _RUNS else None,
    )


async def read_run(parts: Parts, run_id: int) -> RunView:
    """Read a list of the history and make it again. Raises RunNotFound."""
    async with parts.primary.session() as session:
        run = await find_run(session, run_id)
        if run is None:
            raise RunNotFound("There is no list of this number. They are kept for a week.")
        names = await _names(session, [entry.post_id for entry in run.entries])
    return _view(run, names)


async def read_log(parts: Parts, *, before: int | None) -> tuple[list[OverrideLine], bool]:
    """Read a page of what operators did, and whether there is more."""
    async with parts.primary.session() as session:
        lines = await list_override_log(session, before=before, n=_LINES + 1)
    return lines[:_LINES], len(lines) > _LINES


def _view(run: Run, names: dict[UUID, tuple[str, str]]) -> RunView:
    replayed = rank_trending(run.inputs) == run.entries
    return RunView(run.id, run.made_at, run.took_ms, replayed, _entries(run.inputs, run.entries, names), run.inputs)


def _entries(inputs: Inputs, entries: Sequence[Entry], names: dict[UUID, tuple[str, str]]) -> list[EntryView]:
    return [
        EntryView(
            entry.place, entry.post_id, entry.score, entry.accounts, entry.is_pinned, entry.since,
            explain(inputs, entry.post_id), *names.get(entry.post_id, ("", "")),
        )
        for entry in entries
    ]  # fmt: skip


async def _names(session: Session, ids: Sequence[UUID]) -> dict[UUID, tuple[str, str]]:
    rows = queries.list_names(session.connection, ids=write_array(ids), n=_SHOWN_CHARACTERS)
    return {row["id"]: (row["content"], row["author"]) async for row in rows}
