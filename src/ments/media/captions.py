"""Captions as their author saved them, WebVTT or SubRip, become WebVTT that holds nothing but times and text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ments.media.caption_text import clean_cue_text
from ments.media.caption_tracks import CaptionsRefused

CAPTIONS_MAX_BYTES = 1_000_000
"""Four hours of dense speech are 300 kB."""

CUES_MAX = 20_000
CUE_TEXT_MAX = 2_000
TIME_MAX_MS = 4 * 3600 * 1000
"""The longest film that we take."""

_TIME = r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})[.,](\d{1,3})"
_TIMES = re.compile(rf"[ \t]*{_TIME}[ \t]*-->[ \t]*{_TIME}(?:[ \t]+(.*))?[ \t]*")
_PERCENT = r"(?:100|\d{1,2})(?:\.\d{1,2})?%"
_SETTINGS = (
    re.compile(r"vertical:(?:rl|lr)"),
    re.compile(rf"line:(?:-?\d{{1,2}}|{_PERCENT})(?:,(?:start|center|end))?"),
    re.compile(rf"position:{_PERCENT}(?:,(?:line-left|center|line-right))?"),
    re.compile(rf"size:{_PERCENT}"),
    re.compile(r"align:(?:start|center|end|left|right)"),
)


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown from one time to another, in ms of the film.

    text      WebVTT cue text: lines of escaped text with allowed tags, each of them closed; never empty
    settings  where it is shown: `line:10%`
    """

    start_ms: int
    end_ms: int
    text: str
    settings: tuple[str, ...] = ()


def parse_captions(data: bytes) -> tuple[Cue, ...]:
    """Read WebVTT or SubRip; what it is, the file says itself.

    data  UTF-8, or UTF-16 with its mark. Other encodings are refused: a wrong guess would publish wrong letters.

    Returns 1 or more cues in the order of their beginnings; they may overlap. Styles, regions, notes, names of cues and
    unknown settings are left out, as are tags that WebVTT does not know. Raises CaptionsRefused with the line.
    """
    lines = _decode(data).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    is_vtt = lines[0] == "WEBVTT" or lines[0].startswith(("WEBVTT ", "WEBVTT\t"))
    blocks = _list_blocks(lines)
    if is_vtt:
        _check_heading(next(blocks)[1])
    cues: list[Cue] = []
    for number, block in blocks:
        if is_vtt and re.fullmatch(r"(NOTE|STYLE|REGION)([ \t].*)?", block[0]) and "-->" not in block[0]:
            continue
        cue = _read_cue(block, number, previous=cues[-1] if cues else None, is_first=not cues and not is_vtt)
        if cue.text:
            cues.append(cue)
        if len(cues) > CUES_MAX:
            raise _refuse(number, f"a film may have {CUES_MAX:,} captions in one language, and here are more.")
    if not cues:
        raise CaptionsRefused("There are no captions in this file.", code="no_captions")
    return tuple(cues)


def write_captions(cues: Sequence[Cue]) -> str:
    """WebVTT for a `<track>` and for HLS, whose players need to be told that its times are the film's."""
    lines = ["WEBVTT", "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0", ""]
    for cue in cues:
        times = f"{_format_time(cue.start_ms)} --> {_format_time(cue.end_ms)}"
        lines += [" ".join([times, *cue.settings]), cue.text, ""]
    return "\n".join(lines)


def _decode(data: bytes) -> str:
    if len(data) > CAPTIONS_MAX_BYTES:
        raise CaptionsRefused("Captions may have up to 1 MB; this file is larger.", code="too_large")
    is_utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = data.decode("utf-16" if is_utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _refuse(line, "some letters are not UTF-8. Save the file as UTF-8 and send it again.") from error
    if "\0" in text:
        raise CaptionsRefused("This is no text file. Captions are WebVTT (.vtt) or SubRip (.srt).", code="no_captions")
    return text.removeprefix("\ufeff")


def _list_blocks(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Runs of lines that are not empty, each with the number of its first line, counted from 1."""
    block: list[str] = []
    for number, line in enumerate([*lines, ""], 1):
        if line.strip(" \t"):
            block.append(line)
        elif block:
            yield number - len(block), block
            block = []


def _check_heading(block: Sequence[str]) -> None:
    """What stands right below `WEBVTT` says nothing that we keep, unless a caption does."""
    for number, line in enumerate(block, 1):
        if "-->" in line:
            raise _refuse(number, "an empty line is missing between WEBVTT and these times.")


def _read_cue(block: Sequence[str], number: int, *, previous: Cue | None, is_first: bool) -> Cue:
    """A cue of its lines; its text is empty when nothing of it may stay. `number` is the first line's."""
    place = 0 if "-->" in block[0] else 1
    times = _TIMES.fullmatch(block[place]) if place < len(block) else None
    if times is None:
        if is_first and not any("-->" in line for line in block[:2]):
            raise CaptionsRefused("These are no captions: send WebVTT (.vtt) or SubRip (.srt).", code="no_captions")
        raise _refuse(
            number + min(place, len(block) - 1), "here times should stand, such as 00:01:02.500 --> 00:01:04.000."
        )
    start, end = (_read_time(times.groups()[first : first + 4], number + place) for first in (0, 4))
    if end <= start:
        raise _refuse(number + place, "this caption ends before it begins.")
    if previous is not None and start < previous.start_ms:
        raise _refuse(number + place, "this caption begins before the one above it.")
    for later, line in enumerate(block[place + 1 :], number + place + 1):
        if "-->" in line:
            raise _refuse(later, "an empty line is missing before these times.")
    text = "\n".join(block[place + 1 :])
    if len(text) > CUE_TEXT_MAX:
        raise _refuse(number + place, f"this caption is longer than {CUE_TEXT_MAX:,} characters.")
    return Cue(start, end, clean_cue_text(text), _allowed_settings(times[9] or ""))


def _read_time(parts: Sequence[str | None], number: int) -> int:
    hours, minutes, seconds = (int(part or 0) for part in parts[:3])
    if minutes > 59 or seconds > 59:
        raise _refuse(number, "minutes and seconds go to 59.")
    time = ((hours * 60 + minutes) * 60 + seconds) * 1000 + int((parts[3] or "").ljust(3, "0"))
    if time > TIME_MAX_MS:
        raise _refuse(number, "this is later than 4 hours, the most that a film may last.")
    return time


def _allowed_settings(text: str) -> tuple[str, ...]:
    """Settings that place a cue, one of each kind; others (regions, SubRip's coordinates) are left out."""
    allowed: dict[str, str] = {}
    for word in text.split():
        if any(pattern.fullmatch(word) for pattern in _SETTINGS):
            allowed.setdefault(word.partition(":")[0], word)
    return tuple(allowed.values())


def _format_time(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"


def _refuse(line: int, cause: str) -> CaptionsRefused:
    return CaptionsRefused(f"Line {line:,}: {cause}", code="captions_unreadable", extra={"line": line})
