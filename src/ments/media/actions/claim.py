"""Hold media while a job works on them: a heartbeat, progress for those who watch, and an end when they are lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from ments.jobs import JobContext
from ments.media import store
from ments.media.live import Live, tell_live
from ments.media.model import Audience, Media, MediaStatus
from ments.parts import Parts

log = structlog.get_logger()
T = TypeVar("T")
_TELL_S = 0.5
_BEAT_S = 20.0


class ClaimLost(Exception):
    """The media went to another try, or were erased: what this one has made is of no use."""


class Claim:
    """One try's hold on media. `number` is its attempt_generation; `shown` the progress that watchers were told last."""

    def __init__(self, parts: Parts, job: JobContext, media: Media, shown: float = 0.0) -> None:
        self.media = media
        self.number = media.attempt_generation
        self._parts = parts
        self._job = job
        self._progress = max(media.progress, shown)
        self._over = False

    def advance(self, fraction: float) -> None:
        """Say how far the try is, from 0 to 1; a later try never shows less than an earlier one did."""
        self._progress = max(self._progress, min(1.0, fraction))

    async def renew(self) -> Audience:
        """Show that the try lives; returns the audience wanted by now. Raises ClaimLost."""
        async with self._parts.primary.transaction() as tx:
            audience = await store.hold_claim(tx, self.media.id, self.number, self._progress)
        if audience is None:
            raise ClaimLost
        return audience

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the try's work beside its heartbeat. Raises ClaimLost as soon as the media are lost, having ended the work."""
        working = asyncio.ensure_future(work)
        beating = asyncio.create_task(self._beat())
        try:
            await asyncio.wait({working, beating}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                result = working.result()
                # A short job ends before its heartbeat has told anything of it.
                await self._job.report_progress(1.0)
                return result
            beating.result()
            raise ClaimLost
        finally:
            # The libraries below are known to lose a cancellation at times; the beat must not outlive the work.
            self._over = True
            working.cancel()
            beating.cancel()
            await asyncio.gather(working, beating, return_exceptions=True)

    async def _beat(self) -> None:
        told, beat_at = -1.0, time.monotonic()
        while not self._over:
            if self._progress != told:
                told = self._progress
                await tell_live(self._parts.valkey, self.media.id, Live(MediaStatus.PROCESSING, told))
                await self._job.report_progress(told)
            if time.monotonic() - beat_at >= _BEAT_S:
                beat_at = time.monotonic()
                try:
                    await self.renew()
                except ClaimLost:
                    raise
                except Exception as error:
                    # A database that is away for a moment ends no encode; the commit will tell who holds the media.
                    log.warning("claim_not_renewed", media_id=str(self.media.id), error=repr(error))
            await asyncio.sleep(_TELL_S)
