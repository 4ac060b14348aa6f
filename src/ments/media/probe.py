"""Look into an original: what kind of thing it is, and what is in it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import structlog

from ments.errors import Retryable
from ments.media.argv import CONTAINERS
from ments.media.model import Probe, UnplayableMedia
from ments.media.programs import decode_answer, run_child
from ments.media.sandbox import Sandbox
from ments.media.source import PacketScan

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
    answer = decode_answer(await run_child(sandbox, "probe", source, folder, lambda out: [CONTAINERS]))
    cause = answer.get("error")
    if cause is not None:
        log.info("media_unreadable", cause=cause)
        if read_head(source)[4:8] == b"ftyp" and "moov atom not found" in str(cause):
            raise UnplayableMedia(
                "This file is cut off: it stops before the index at its end. Send it again.", code="cut_off"
            )
        raise UnplayableMedia(UNREADABLE, code="unreadable")
    try:
        return msgspec.convert(answer, Probe), msgspec.convert(answer.get("packets"), PacketScan | None)
    except msgspec.ValidationError as error:
        raise Retryable("Looking into this file went wrong.") from error
