"""Lists of what is trending: made from what is stored, stored with what they were made of, read back."""

from __future__ import annotations

import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from ments.db import Session, Transaction, load_queries, write_array
from ments.feeds.trending_rules import (
    BUCKETS_S,
    HALF_LIFE_S,
    WINDOW_S,
    Entry,
    Inputs,
    Override,
    OverrideKind,
    Pulse,
    rank_trending,
)

queries: Any = load_queries(__file__, "trending.sql")

KEPT_S = 7 * 24 * 3600
"""Lists that are older are swept."""

_WARMEST_MOST = 200
_ACTS_OF_A_POST_MOST = 500
_ACTS_READ_MOST = 50_000
# What is younger may be of a transaction that is not committed, and would be passed over.
_SETTLED_AFTER = timedelta(seconds=2)
_LOOK_BACK_MOST = timedelta(hours=1)
_SWEPT_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class TrendingList:
    """A list, or a part of it. `run_id` 0: there is none yet."""

    run_id: int
    made_at: datetime | None
    entries: tuple[Entry, ...]


async def make_list(tx: Transaction, now: datetime) -> int:
    """Make the list as of now and store it; returns the id of its run. Waits for another that is being made."""
    started = time.perf_counter()
    await queries.hold_trending(tx.connection)
    latest = await queries.find_latest_run(tx.connection)
    until = now - _SETTLED_AFTER
    since = max(latest["read_until"], now - _LOOK_BACK_MOST) if latest else now - _LOOK_BACK_MOST
    if since < until:
        await queries.add_heat(tx.connection, since=since, until=until, log_until=_heat_at(until), n=_ACTS_READ_MOST)
    await queries.forget_cold(tx.connection, log_cold=_heat_at(now - timedelta(seconds=WINDOW_S)))
    inputs = await _read_inputs(tx, latest["id"] if latest else 0, now)
    entries = rank_trending(inputs)
    run_id: int = await queries.insert_run(
        tx.connection,
        made_at=now,
        read_until=max(since, until),
        version=inputs.version,
        inputs=zlib.compress(msgspec.json.encode(inputs)),
        took_ms=round((time.perf_counter() - started) * 1000),
    )
    await queries.insert_entries(tx.connection, run_id=run_id, entries=msgspec.json.encode(entries).decode())
    return run_id


def _heat_at(moment: datetime) -> float:
    """What one point of that moment counts for, as `trending_heat` counts."""
    return moment.timestamp() / HALF_LIFE_S


async def _read_inputs(session: Session, latest_id: int, now: datetime) -> Inputs:
    db = session.connection
    ids = [row["id"] async for row in queries.list_warmest(db, n=_WARMEST_MOST)]
    since = {row["post_id"]: row["since"] async for row in queries.list_since(db, run_id=latest_id)}
    rows = queries.list_pulses(
        db,
        ids=write_array(ids),
        until=now,
        window_s=WINDOW_S,
        edges=write_array(BUCKETS_S),
        most=_ACTS_OF_A_POST_MOST,
    )
    pulses = [
        Pulse(
            post_id=row["id"],
            author_id=row["account_id"],
            published_at=row["sorted_at"],
            accounts=row["accounts"],
            pulses=tuple(float(row["pulses"].get(str(bucket), 0.0)) for bucket in range(len(BUCKETS_S))),
            since=since.get(row["id"]),
        )
        async for row in rows
    ]
    overrides = [
        Override(row["post_id"], OverrideKind(row["kind"]), row["at"]) async for row in queries.list_overrides(db)
    ]
    return Inputs(at=now, pulses=tuple(pulses), overrides=tuple(overrides))


async def read_list(session: Session, run_id: int | None = None, *, after: int = 0, n: int = 1000) -> TrendingList:
    """The list that is shown, or an earlier one, from a place on; without what operators have taken off since."""
    made_at = None
    if run_id is None:
        latest = await queries.find_latest_run(session.connection)
        if latest is None:
            return TrendingList(0, None, ())
        run_id, made_at = latest["id"], latest["made_at"]
    rows = queries.list_entries(session.connection, run_id=run_id, after=after, n=n)
    return TrendingList(run_id, made_at, tuple([Entry(**row) async for row in rows]))


@dataclass(frozen=True, slots=True)
class Run:
    """A list of the history: what it was made of, and what it was."""

    id: int
    made_at: datetime
    took_ms: int
    inputs: Inputs
    entries: tuple[Entry, ...]


async def find_run(session: Session, run_id: int) -> Run | None:
    """Read a list of the history with its inputs; all of it, as it was."""
    row = await queries.get_run(session.connection, id=run_id)
    if row is None:
        return None
    entries = await _read_whole(session, run_id)
    inputs = msgspec.json.decode(zlib.decompress(row["inputs"]), type=Inputs)
    return Run(row["id"], row["made_at"], row["took_ms"], inputs, entries)


async def _read_whole(session: Session, run_id: int) -> tuple[Entry, ...]:
    rows = queries.list_whole(session.connection, run_id=run_id)
    return tuple([Entry(**row) async for row in rows])


async def list_pinned_and_removed(session: Session) -> Sequence[Override]:
    """What operators say of posts now, in the order in which they said it."""
    rows = queries.list_overrides(session.connection)
    return [Override(row["post_id"], OverrideKind(row["kind"]), row["at"]) async for row in rows]


async def sweep_runs(tx: Transaction) -> int:
    """Delete lists that are older than KEPT_S, a bounded number; returns how many."""
    swept: int = await queries.sweep_runs(tx.connection, kept_s=KEPT_S, n=_SWEPT_AT_ONCE)
    return swept


async def find_entry(session: Session, post_id: UUID) -> Entry | None:
    """A post's entry on the list that is shown."""
    return next((entry for entry in (await read_list(session)).entries if entry.post_id == post_id), None)
