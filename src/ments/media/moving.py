"""Animated WebP and PNG become a film that the ordinary way goes on with; PyAV and ffmpeg read neither of them well."""

from __future__ import annotations

from pathlib import Path

from ments.media import rules
from ments.media.argv import Limits
from ments.media.model import UnplayableMedia
from ments.media.probe import UNREADABLE
from ments.media.programs import GIB, MIB, decode_answer, run_child
from ments.media.sandbox import Sandbox

MOVING_FILE = "moving.mkv"
PICTURES_MAX = 1500
SECONDS_MAX = 300
MOVING_LIMITS = Limits(wall_s=600, cpu_s=240, memory=GIB, file=512 * MIB)
_HEAD_BYTES = 64 * 1024


def may_move(source: Path) -> bool:
    """Whether a photo's header says that it moves: asked before `unroll_picture`, since hardly any does."""
    with source.open("rb") as file:
        return says_it_moves(file.read(_HEAD_BYTES))


def says_it_moves(head: bytes) -> bool:
    """Whether the first 64 KiB of a file are those of an animated WebP or PNG. Pure."""
    if head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X":
        return len(head) > 20 and bool(head[20] & 0x02)
    at = 8
    while head.startswith(b"\x89PNG\r\n\x1a\n") and at + 8 <= len(head):
        name = head[at + 4 : at + 8]
        if name in (b"acTL", b"IDAT"):
            return name == b"acTL"
        at += 12 + int.from_bytes(head[at : at + 4], "big")
    return False


async def unroll_picture(sandbox: Sandbox, source: Path, folder: Path) -> Path | None:
    """Write `moving.mkv` into `folder`; None when the picture does not move after all, and is a photo.

    Returns its path: to be looked at and encoded as an original.
    Raises UnplayableMedia with words for the author, Retryable when the machine was at fault.
    """
    most = [str(rules.FRAME_MAX_PX), str(PICTURES_MAX), str(SECONDS_MAX)]
    answer = await run_child(sandbox, "unroll", source, folder, lambda out: [out, *most], MOVING_LIMITS)
    found = decode_answer(answer)
    match found.get("error"):
        case None:
            return folder / MOVING_FILE if found.get("pictures") != 1 else None
        case "too_many_pixels":
            raise UnplayableMedia(
                f"This moving picture is {found['width']:,} by {found['height']:,} pixels; the most we take is "
                "4096 by 2304.",
                code="too_many_pixels",
            )
        case "too_many_pictures":
            raise UnplayableMedia(
                f"This moving picture is made of {found['pictures']:,} pictures; the most we take is {PICTURES_MAX:,}. "
                "Save it as a video and send that.",
                code="too_long",
            )
        case "too_long":
            raise UnplayableMedia(
                f"This moving picture lasts longer than {SECONDS_MAX // 60} minutes, which is the most we take. "
                "Save it as a video and send that.",
                code="too_long",
            )
        case "cut_off":
            raise UnplayableMedia("This moving picture is cut off: its end is missing. Send it again.", code="cut_off")
        case "too_much_memory":
            raise UnplayableMedia(
                "Reading this moving picture takes more memory than we give to one.", code="too_heavy"
            )
        case _:
            raise UnplayableMedia(UNREADABLE, code="unreadable")
