"""The beginning of an original on this worker's disk: enough to look at all of a film, and to make what plays first.

A film's first moment so does not wait until all of it is here. Whatever is odd about a file, or goes wrong, is no
failure: then the original is fetched whole, and that tells.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import structlog

from ments.errors import Retryable
from ments.media import rules
from ments.media.actions.files import do_each
from ments.media.boxes import NotBoxes, walk_boxes
from ments.media.byte_ranges import Range, count_bytes, join_ranges, split_ranges
from ments.media.film import REACHES_S
from ments.media.model import UnplayableMedia
from ments.media.partial_file import PartialFile
from ments.media.plan import Plan
from ments.media.probe import read_head, scan_beginning
from ments.media.render import Workshop, plan_scanned
from ments.observe import span
from ments.parts import Parts
from ments.storage import ObjectHead

log = structlog.get_logger()

WHOLE_MAX_BYTES = 16 * 1024 * 1024
"""Up to this an original is fetched whole: it takes no longer than to look where things lie."""

LOOK_BYTES = 12 * 1024 * 1024
"""What is fetched of the packets before it is known where they lie: what is looked at of a phone's film (8 s at 10 Mbit/s).
Less would be asked for in a second look, which takes longer than to fetch it."""

_REQUEST_BYTES = 4 * 1024 * 1024
_GAP_BYTES = 256 * 1024
_LOOKS_MAX = 2


class NotEnough(Exception):
    """Only the whole original will do; the text says why, for the log."""


class Beginning:
    """Parts of one object, whose bytes are those of one and the same version of it."""

    def __init__(self, parts: Parts, key: str, head: ObjectHead, path: Path) -> None:
        self.file = PartialFile(path, head.size)
        self._parts = parts
        self._key = key
        self._etag = head.etag

    async def open(self) -> None:
        """Fetch all but most of the packets. Raises NotBoxes, NotEnough, Retryable, OSError."""
        await asyncio.to_thread(self.file.make)
        walk = walk_boxes(self.file.size)
        try:
            wanted = next(walk)
            while True:
                wanted = walk.send(await self._read(wanted))
        except StopIteration as found:
            layout = found.value
        start, end = layout.media
        await self.fetch([*layout.around, (start, min(end, start + LOOK_BYTES))])

    async def fetch(self, ranges: Iterable[Range]) -> None:
        """Fetch what is not there of some ranges. Raises NotEnough, Retryable, OSError."""
        missing = join_ranges(self.file.find_missing(ranges), gap=_GAP_BYTES)
        if 2 * count_bytes(missing) > self.file.size:
            raise NotEnough(f"{count_bytes(missing)} of {self.file.size} bytes are needed")
        await do_each(split_ranges(missing, _REQUEST_BYTES), self._read)

    async def _read(self, wanted: Range) -> bytes:
        data = await self._parts.bucket.read_range(self._key, *wanted, etag=self._etag)
        if data is None:
            raise NotEnough("it is gone")
        await asyncio.to_thread(self.file.put, wanted[0], data)
        return data


async def open_beginning(parts: Parts, key: str, head: ObjectHead, path: Path) -> Beginning | None:
    """Fetch the beginning of an original to `path`, not made yet; None when it has to be fetched whole."""
    if head.size <= WHOLE_MAX_BYTES:
        return None
    beginning = Beginning(parts, key, head, path)
    try:
        with span("download_beginning", bytes=head.size):
            await beginning.open()
    except (NotBoxes, NotEnough, Retryable, OSError) as error:
        log.info("original_needed_whole", key=key, cause=str(error))
        return None
    return beginning


async def plan_beginning(workshop: Workshop, beginning: Beginning, folder: Path, *, chunk_s: int) -> Plan | None:
    """Look at a film of which the beginning is there, and fetch what its first piece is made of.

    folder  empty; nothing is written into it
    Returns the very plan that the whole original would have led to; None when that has to be fetched.
    """
    try:
        return await _plan(workshop, beginning, folder, chunk_s)
    except (NotEnough, UnplayableMedia, Retryable, OSError) as error:
        log.info("original_needed_whole", cause=str(error))
        return None


async def _plan(workshop: Workshop, beginning: Beginning, folder: Path, chunk_s: int) -> Plan | None:
    file = beginning.file
    if rules.looks_like_photo(await asyncio.to_thread(read_head, file.path)):
        return None  # with moving pictures beside it
    for _ in range(_LOOKS_MAX):
        with span("probe"):
            found, extent = await scan_beginning(workshop.sandbox, file.path, folder, reaches_s=REACHES_S)
        if extent is None:
            return None
        # What it took for packets may have been a hole: then it looks again.
        was_there = not file.find_missing(extent.looked)
        if was_there and found is None:
            return None
        if was_there and found is not None:
            rules.check_probe(found[0])
            plan = plan_scanned(*found, chunk_s=chunk_s)
            number = find_reach(plan)
            if number is None:
                return None
            await _fetch(beginning, extent.firsts[number])
            return plan
        await _fetch(beginning, extent.looked)
    raise NotEnough("its packets lie where they were not looked for")


async def _fetch(beginning: Beginning, ranges: Iterable[Range]) -> None:
    with span("download_beginning", bytes=beginning.file.size):
        await beginning.fetch(ranges)


def find_reach(plan: Plan) -> int | None:
    """Which of REACHES_S what plays first is made of; None for all of the original. Pure."""
    stop_s = plan.works[0].stop_s if plan.works else None
    return next((n for n, reach_s in enumerate(REACHES_S) if stop_s is not None and stop_s <= reach_s), None)
