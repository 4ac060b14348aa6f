"""The steps of a transcode: what an earlier run of the job has stored is taken over, the rest is made and stored."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import structlog

from ments.jobs import JobContext
from ments.media import rules
from ments.media.actions.claim import Claim
from ments.media.actions.files import are_stored, copy_files, store_files
from ments.media.plan import MadeFile, Piece, Plan, Step
from ments.parts import Parts

log = structlog.get_logger()
T = TypeVar("T")
_PLAN = "plan"


@dataclass(frozen=True, slots=True)
class StoredPiece:
    """What a finished step leaves in the ledger: its piece, and the generation's folder where its files lie."""

    generation: str
    piece: Piece


class Storing:
    """Stores what one step makes, each file once."""

    def __init__(self, store: Callable[[Path, Sequence[MadeFile]], Awaitable[None]], folder: Path) -> None:
        self._store = store
        self._folder = folder
        self._stored: set[str] = set()

    async def put(self, files: Sequence[MadeFile]) -> None:
        """Store those files that are not yet. Raises ClaimLost, Away."""
        left = [file for file in files if file.name not in self._stored]
        await self._store(self._folder, left)
        self._stored |= {file.name for file in left}

    def begin_again(self) -> None:
        """The step is made anew: what was stored will be overwritten."""
        self._stored.clear()


class Steps:
    """The steps of one try. It writes into the folder of its own number only, so that no try can spoil another's files.

    What lies in the folders of earlier runs is copied, inside storage.
    """

    def __init__(self, parts: Parts, job: JobContext, claim: Claim) -> None:
        self._parts = parts
        self._job = job
        self._claim = claim
        self._generation: str | None = None
        self._elsewhere: list[StoredPiece] = []

    async def plan(self, make: Callable[[], Coroutine[Any, Any, Plan]]) -> Plan:
        """The plan of an earlier run, or a new one. Raises LeaseLost."""
        kept = _read(self._job.steps.get(_PLAN), Plan)
        if kept is not None:
            return kept
        plan = await make()
        await self._job.finish_step(_PLAN, msgspec.to_builtins(plan))
        return plan

    async def piece(self, step: Step, folder: Path, make: Callable[[Storing], Coroutine[Any, Any, Piece]]) -> Piece:
        """What a step makes: taken over if all of its files are still in storage, else made in `folder` and stored.

        make  may store some of its files while it makes others
        The folder is removed once its files are stored. Raises LeaseLost, ClaimLost, and what `make` raises.
        """
        kept = _read(self._job.steps.get(step.name), StoredPiece)
        if kept is not None and await self._is_stored(kept):
            log.info("step_taken_over", step=step.name, generation=kept.generation)
            self._elsewhere.append(kept)
            return kept.piece
        await asyncio.to_thread(folder.mkdir)
        storing = Storing(self._store, folder)
        piece = await make(storing)
        generation = await self._choose_generation()
        await storing.put(piece.files)
        await self._job.finish_step(step.name, msgspec.to_builtins(StoredPiece(generation, piece)))
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        return piece

    async def gather(self) -> str:
        """Bring all pieces under this try's generation; returns it. Raises ClaimLost, Retryable."""
        generation = await self._choose_generation()
        for stored in self._elsewhere:
            names = [file.name for file in stored.piece.files]
            await copy_files(self._parts, self._claim.media.id, stored.generation, generation, names)
        return generation

    async def _store(self, folder: Path, files: Sequence[MadeFile]) -> None:
        await store_files(self._parts, self._claim.media.id, await self._choose_generation(), folder, files)

    async def _choose_generation(self) -> str:
        """As late as can be: a post that takes the media until then costs no copy."""
        if self._generation is None:
            self._generation = rules.next_generation(await self._claim.renew(), self._claim.number)
        return self._generation

    async def _is_stored(self, stored: StoredPiece) -> bool:
        if rules.number_of_generation(stored.generation) is None:
            return False
        return await are_stored(self._parts, self._claim.media.id, stored.generation, stored.piece.files)


def _read(kept: Any, kind: type[T]) -> T | None:
    """What an earlier run has kept; None when it kept nothing, or was of a version that wrote it otherwise."""
    try:
        return msgspec.convert(kept, kind) if kept is not None else None
    except msgspec.ValidationError:
        return None
