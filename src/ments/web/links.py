"""Addresses, @names and #topics in people's texts, found and made into links. Pure.

Everything that comes from the text is escaped; a link is made only of what matched a narrow pattern.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import regex
from markupsafe import Markup, escape

# Letters (with the marks that are written over them), digits and underscore of any script, a letter among them, to 50.
_TOPIC = r"(?=[\p{Nd}_]*\p{L})[\p{L}\p{Nd}_][\p{L}\p{M}\p{Nd}_]{0,49}+(?![\p{L}\p{M}\p{Nd}_])"
_FOUND = regex.compile(
    rf"""
    (?P<url>https?://[^\s<>"'`\\^{{}}|]+)
    | (?<![\w@/.])@(?P<name>[a-z][a-z0-9_]{{2,19}})(?![\w@])
    | (?<![\w\#&/])\#(?P<topic>{_TOPIC})
    """,
    regex.VERBOSE | regex.IGNORECASE,
)
_WHOLE_TOPIC = regex.compile(_TOPIC)
_ENDS = ".,:;!?…»”’'\"*"
_PAIRS = {")": "(", "]": "["}
_SHOWN_MAX = 42


def linked(text: str) -> Markup:
    """Return the text as HTML: escaped, with its addresses, @names and #topics as links."""
    return Markup("").join(_pieces(text))


def find_topics(text: str) -> Iterator[str]:
    """Find the #topics of a text as they are written, without their #, in order."""
    return (found["topic"] for found in _FOUND.finditer(text) if found["topic"])


def is_topic(text: str) -> bool:
    """Say whether a text, without a #, is one topic and nothing else."""
    return _WHOLE_TOPIC.fullmatch(text) is not None


def _pieces(text: str) -> Iterator[Markup]:
    at = 0
    for found in _FOUND.finditer(text):
        start, end = found.span()
        if found["url"]:
            url = _without_ending(found["url"])
            end = start + len(url)
            piece = _link(url)
        elif found["name"]:
            piece = Markup('<a href="/profile/{}">@{}</a>').format(found["name"].lower(), found["name"])
        else:
            piece = Markup('<a class="topic" href="/tags/{}">#{}</a>').format(quote(found["topic"]), found["topic"])
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
    bare = regex.sub(r"^https?://(www\.)?", "", url, flags=regex.IGNORECASE).rstrip("/")
    if not bare:
        return escape(url)
    shown = bare if len(bare) <= _SHOWN_MAX else bare[: _SHOWN_MAX - 1] + "…"
    return Markup('<a href="{}" rel="nofollow noopener ugc" target="_blank">{}</a>').format(url, shown)
