"""Addresses, @names and #topics in people's texts, made into links. Pure.

Everything that comes from the text is escaped; a link is made only of what matched a narrow pattern.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markupsafe import Markup, escape

_FOUND = re.compile(
    r"""
    (?P<url>https?://[^\s<>"'`\\^{}|]+)
    | (?<![\w@/.])@(?P<name>[a-z][a-z0-9_]{2,19})(?![\w@])
    | (?<![\w\#&/])\#(?P<topic>\w{2,60})
    """,
    re.VERBOSE | re.IGNORECASE,
)
_ENDS = ".,:;!?…»”’'\"*"
_PAIRS = {")": "(", "]": "["}
_SHOWN_MAX = 42


def linked(text: str) -> Markup:
    """Return the text as HTML: escaped, with its addresses and @names as links and its #topics marked."""
    return Markup("").join(_pieces(text))


def _pieces(text: str) -> Iterator[Markup]:
    at = 0
    for found in _FOUND.finditer(text):
        start, end = found.span()
        if start < at:
            continue
        if found["url"]:
            url = _without_ending(found["url"])
            end = start + len(url)
            piece = _link(url)
        elif found["name"]:
            piece = Markup('<a href="/profile/{}">@{}</a>').format(found["name"].lower(), found["name"])
        else:
            piece = Markup('<span class="topic">#{}</span>').format(found["topic"])
        yield escape(text[at:start])
        yield piece
        at = end
    yield escape(text[at:])


def _without_ending(url: str) -> str:
    """Leave the sentence's own punctuation out of an address, and a bracket that was opened before it."""
    while url:
        last = url[-1]
        if last in _ENDS or (last in _PAIRS and url.count(last) > url.count(_PAIRS[last])):
            url = url[:-1]
        else:
            break
    return url


def _link(url: str) -> Markup:
    bare = re.sub(r"^https?://(www\.)?", "", url, flags=re.IGNORECASE).rstrip("/")
    if not bare:
        return escape(url)
    shown = bare if len(bare) <= _SHOWN_MAX else bare[: _SHOWN_MAX - 1] + "…"
    return Markup('<a href="{}" rel="nofollow noopener ugc" target="_blank">{}</a>').format(url, shown)
