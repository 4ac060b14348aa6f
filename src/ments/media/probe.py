"""Look into an original: what kind of thing it is, and what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog

from ments.errors import Retryable
from ments.media.argv import CONTAINERS
from ments.media.model import Probe, UnplayableMedia
from ments.media.programs import decode_answer, run_child
from ments.media.sandbox import Sandbox
from ments.media.source import Extent, PacketScan

log = structlog.get_logger()
UNREADABLE = "This isn't a video, photo or sound we can read."
_HEAD_BYTES = 32


def read_head(source: Path) -> bytes:
    """The first bytes of a file, enough to tell photos from the rest."""
    with source.open("rb") as file:
        return file.read(_HEAD_BYTES)


async def probe_file(sandbox: Sandbox, source: Path, folder: Path) -> Probe:
    """Read every packet of a file, in the sandbox.

    folder  empty; the child writes nothing into it
    Raises UnplayableMedia with words for the author, Retryable when the machine was at fault.
    """
    return (await scan_file(sandbox, source, folder))[0]


async def scan_file(sandbox: Sandbox, source: Path, folder: Path) -> tuple[Probe, PacketScan | None]:
    """The same, with what the picture's packets tell; None where there is no picture."""
    answer = await _ask(sandbox, source, folder)
    return _convert(answer, Probe), _convert(answer.get("packets"), PacketScan | None)


async def scan_beginning(
    sandbox: Sandbox, source: Path, folder: Path, *, reaches_s: Sequence[float]
) -> tuple[tuple[Probe, PacketScan | None] | None, Extent | None]:
    """The same of a film whose index alone is there for certain, and where its first seconds lie, for each of `reaches_s`.

    What is told holds when all that was looked at was there, which the Extent says; None when it could not be told so.
    Without an Extent only reading all of it would tell.
    """
    answer = await _ask(sandbox, source, folder, *(f"{reach_s:g}" for reach_s in reaches_s))
    extent = _convert(answer.get("extent"), Extent | None)
    if "unknown" in answer:
        log.info("beginning_not_enough", cause=answer["unknown"])
        return None, extent
    return (_convert(answer, Probe), _convert(answer.get("packets"), PacketScan | None)), extent


async def _ask(sandbox: Sandbox, source: Path, folder: Path, *more: str) -> dict[str, object]:
    answer = decode_answer(await run_child(sandbox, "probe", source, folder, lambda out: [CONTAINERS, *more]))
    cause = answer.get("error")
    if cause is None:
        return answer
    log.info("media_unreadable", cause=cause)
    if read_head(source)[4:8] == b"ftyp" and "moov atom not found" in str(cause):
        raise UnplayableMedia(
            "This file is cut off: it stops before the index at its end. Send it again.", code="cut_off"
        )
    raise UnplayableMedia(UNREADABLE, code="unreadable")


def _convert(answer: object, kind: Any) -> Any:
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise Retryable("Looking into this file went wrong.") from error
