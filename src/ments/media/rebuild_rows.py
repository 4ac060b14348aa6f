"""Rows of media that are made anew: which are chosen, what their rebuilds have stored so far, and their end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from ments.db import Session, Transaction, load_queries, write_array
from ments.media import rules
from ments.media.film import PieceWork
from ments.media.ladder import LADDER_VERSION
from ments.media.model import Audience, MediaKind, MediaStatus, Probe, Variant
from ments.media.tracks import StoredPart

queries: Any = load_queries(__file__, "rebuild.sql")


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which media are to be made anew; a None matches all. Those that a job is pending for are left out.

    status   READY, or FAILED to try those once more
    below    made by an older ladder than this one
    """

    status: MediaStatus = MediaStatus.READY
    ids: tuple[UUID, ...] | None = None
    kind: MediaKind | None = None
    made_before: datetime | None = None
    below: int | None = LADDER_VERSION


@dataclass(frozen=True, slots=True)
class Selected:
    """One of them."""

    id: UUID
    account_id: UUID
    kind: MediaKind | None
    ladder_version: int


@dataclass(frozen=True, slots=True)
class Begun:
    """What a rebuild may write: the folder of its own number."""

    number: int
    generation: str


@dataclass(frozen=True, slots=True)
class RebuiltFiles:
    """What is served once a rebuild is committed. Names of files in its generation's folder; sizes in px, length in s."""

    kind: MediaKind
    width: int | None
    height: int | None
    duration_s: float | None
    poster_file: str | None
    blurhash: str | None
    variants: tuple[Variant, ...]
    hls_file: str | None = None
    storyboard_file: str | None = None
    preview_file: str | None = None


async def lock_selection(tx: Transaction) -> None:
    """One operator chooses at a time."""
    await queries.lock_selection(tx.connection)


async def count_selected(session: Session, chosen: Chosen) -> int:
    """How many there are."""
    count: int = await queries.count_selected(session.connection, **_words(chosen))
    return count


async def list_selected(session: Session, chosen: Chosen, *, after: UUID | None, n: int) -> list[Selected]:
    """The next `n`, ascending by id."""
    return [
        Selected(row["id"], row["account_id"], MediaKind(row["kind"]) if row["kind"] else None, row["ladder_version"])
        async for row in queries.list_selected(session.connection, **_words(chosen), after=after, n=n)
    ]


def _words(chosen: Chosen) -> dict[str, Any]:
    return {
        "status": chosen.status,
        "ids": write_array(chosen.ids) if chosen.ids is not None else None,
        "kind": chosen.kind,
        "made_before": chosen.made_before,
        "below": chosen.below,
    }


async def begin_again(tx: Transaction, media_id: UUID, job_id: UUID) -> bool:
    """Let media that failed wait for a job; False when they are not failed any more."""
    lifetime_s = rules.QUEUE_LIFETIME.total_seconds()
    row = await queries.begin_again(tx.connection, id=media_id, job_id=str(job_id), lifetime_s=lifetime_s)
    return row is not None


async def begin_rebuild(tx: Transaction, media_id: UUID, probe: Probe | None) -> Begun | None:
    """Take a number for new outputs, and note what was found in the original; None when they are not ready, or just being opened."""
    noted = Jsonb(asdict(probe)) if probe else None
    row = await queries.begin_rebuild(tx.connection, id=media_id, probe=noted)
    if row is None:
        return None
    number = row["attempt_generation"]
    return Begun(number, rules.next_generation(Audience(row["audience"]), number))


async def find_rebuild(session: Session, media_id: UUID, number: int) -> Begun | None:
    """Where rebuild `number` stores its files; None when it was overtaken, or the media are not ready any more."""
    row = await queries.find_number(session.connection, id=media_id)
    if row is None or row["status"] != MediaStatus.READY or row["attempt_generation"] != number:
        return None
    return Begun(number, rules.next_generation(Audience(row["audience"]), number))


async def is_another_pending(session: Session, media_id: UUID, number: int) -> bool:
    """Whether another rebuild than `number` (0: none has begun) is under way, which is left to go on."""
    return bool(await queries.is_another_pending(session.connection, id=media_id, number=number))


async def find_version(session: Session, media_id: UUID) -> int | None:
    """The ladder that ready media were made by; None when they are not ready."""
    row = await queries.find_number(session.connection, id=media_id)
    return row["ladder_version"] if row is not None and row["status"] == MediaStatus.READY else None


async def forget_pieces(tx: Transaction, media_id: UUID, kept: Sequence[int]) -> None:
    """Drop the pieces of all tries but these."""
    await queries.forget_pieces(tx.connection, media_id=media_id, kept=write_array(kept))


async def find_next_work(session: Session, media_id: UUID, number: int) -> tuple[PieceWork, bool] | None:
    """The next piece that is not stored, and whether it is the film's beginning; None when all are."""
    works = [row async for row in queries.list_works(session.connection, media_id=media_id, number=number)]
    for index, row in enumerate(works):
        if not row["is_stored"]:
            return msgspec.convert(row["work"], PieceWork), index == 0
    return None


async def end_piece(tx: Transaction, media_id: UUID, number: int, name: str, stored: StoredPart) -> bool:
    """Note what a piece has stored; False when it was stored before."""
    result = Jsonb(msgspec.to_builtins(stored))
    row = await queries.end_piece(tx.connection, media_id=media_id, number=number, name=name, result=result)
    return row is not None


async def commit_rebuilt(
    tx: Transaction, media_id: UUID, begun: Begun, files: RebuiltFiles, *, pieces_number: int | None
) -> Audience | None:
    """Serve what was made anew; returns the audience wanted by now, None when the rebuild was overtaken."""
    audience = await queries.commit_rebuilt(
        tx.connection,
        id=media_id,
        number=begun.number,
        generation=begun.generation,
        pieces_number=pieces_number,
        ladder_version=LADDER_VERSION,
        kind=files.kind,
        width=files.width,
        height=files.height,
        duration_s=files.duration_s,
        poster_file=files.poster_file,
        blurhash=files.blurhash,
        variants=Jsonb([asdict(variant) for variant in files.variants]),
        hls_file=files.hls_file,
        storyboard_file=files.storyboard_file,
        preview_file=files.preview_file,
        lifetime_s=rules.UNATTACHED_LIFETIME.total_seconds(),
    )
    return Audience(audience) if audience else None


async def end_rebuild(tx: Transaction, media_id: UUID, number: int) -> bool:
    """Give a rebuild up; what it has stored is swept. False when it is not under way."""
    return await queries.end_rebuild(tx.connection, id=media_id, number=number) is not None
