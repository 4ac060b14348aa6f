"""Numbers, times and sizes as people read them. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from hashlib import blake2s

from markupsafe import Markup

_HUES = 8
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def ago(when: datetime, now: datetime | None = None) -> Markup:
    """Say how long ago something was, as a <time> element that the page keeps fresh."""
    now = now or datetime.now(UTC)
    when = when.astimezone(UTC)
    exact = f"{when.day} {_MONTHS[when.month - 1]} {when.year}, {when:%H:%M} UTC"
    return Markup('<time datetime="{}" title="{}" data-ago>{}</time>').format(
        when.isoformat(timespec="seconds"), exact, time_passed(when, now)
    )


def time_passed(when: datetime, now: datetime) -> str:
    """Say it in words: just now, 4 min, 2 h, yesterday, 3 days, 14 Mar, 14 Mar 2024."""
    passed = now - when
    if passed < timedelta(minutes=1):
        return "just now"
    if passed < timedelta(hours=1):
        return f"{passed // timedelta(minutes=1)} min"
    if passed < timedelta(days=1):
        return f"{passed // timedelta(hours=1)} h"
    if passed < timedelta(days=2):
        return "yesterday"
    if passed < timedelta(days=7):
        return f"{passed.days} days"
    day = f"{when.day} {_MONTHS[when.month - 1]}"
    return day if when.year == now.year else f"{day} {when.year}"


def closes(when: datetime, now: datetime | None = None) -> Markup:
    """Say when something that is open ends, as a <time> element: closes in 4 min, closes in 2 days."""
    when = when.astimezone(UTC)
    exact = f"{when.day} {_MONTHS[when.month - 1]} {when.year}, {when:%H:%M} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        when.isoformat(timespec="seconds"), exact, time_left(when, now or datetime.now(UTC))
    )


def time_left(when: datetime, now: datetime) -> str:
    """Say it in words, in the largest unit of which at least two are left."""
    left = when - now
    for unit, name in ((timedelta(days=1), "days"), (timedelta(hours=1), "hours"), (timedelta(minutes=1), "minutes")):
        if left >= 2 * unit:
            return f"closes in {round(left / unit)} {name}"
    return "closes soon"


def count(number: int) -> str:
    """Write a count: 1,284 in full, from ten thousand 12.4k, then 3.1M."""
    if number < 10_000:
        return f"{number:,}"
    if number < 1_000_000:
        return f"{math.floor(number / 100) / 10:g}k"
    return f"{math.floor(number / 100_000) / 10:g}M"


def lasting(seconds: float) -> str:
    """Write the length of a video: 0:52, 2:31, 1:02:07."""
    whole = max(0, round(seconds))
    hours, minutes, rest = whole // 3600, whole % 3600 // 60, whole % 60
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def file_size(size: int) -> str:
    """Write bytes as 640 B, 12 KB, 1.4 MB, 312 MB, 1.9 GB (decimal units, as file managers show)."""
    value = float(size)
    for unit in ("B", "KB", "MB"):
        if value < 999.5:
            return f"{value:.1f} {unit}" if unit == "MB" and value < 9.95 else f"{value:.0f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def initials(name: str) -> str:
    """Return one or two letters to stand for a person without a picture."""
    words = [word for word in name.replace("_", " ").split() if word[0].isalnum()]
    letters = words[0][0] + (words[-1][0] if len(words) > 1 else "") if words else "?"
    return letters.upper()


def hue(name: str) -> int:
    """Return which of the avatar colours a name gets, always the same one."""
    return blake2s(name.encode(), digest_size=1).digest()[0] % _HUES


def first_line(text: str, most: int) -> str:
    """Return the start of a text, cut at a word, on one line: for titles."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    cut = line[:most].rsplit(" ", 1)[0] or line[:most]
    return cut.rstrip(",;:. ") + "…"
