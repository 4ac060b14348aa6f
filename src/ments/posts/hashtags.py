"""The hashtags of a text, folded so that one tag is one however it is written. Pure.

What in a text is a hashtag is said in one place, `web.links`, which also makes it a link.
"""

from __future__ import annotations

import unicodedata

from ments.errors import NotFound
from ments.web.links import find_topics, is_topic

TAGS_MAX = 10
"""Most tags of one post; what comes after them is words."""

# In code points as they are written: more than any tag has, and little work to fold.
_WRITTEN_MAX = 300


def fold_tag(tag: str) -> str:
    """Make tags alike that a reader takes for the same: compatible forms and letter case, twice is once.

    Normal forms around the case folding, as Unicode's compatibility caseless match (D146) has it: folding may undo one.
    """
    for _ in range(2):
        tag = unicodedata.normalize("NFKD", unicodedata.normalize("NFD", tag).casefold())
    return unicodedata.normalize("NFKC", tag.casefold())


def find_hashtags(text: str) -> tuple[str, ...]:
    """List the tags of a text, folded, each once, in the order they are met; at most TAGS_MAX."""
    tags: dict[str, None] = {}
    for topic in find_topics(text):
        tag = fold_tag(topic)
        # A letter may stand for several words: ﷺ is four of them.
        if is_topic(tag):
            tags[tag] = None
        if len(tags) == TAGS_MAX:
            break
    return tuple(tags)


def read_tag(written: str) -> str:
    """The tag that an address names, with or without its `#`. Raises TagNotFound for what no tag can be."""
    tag = fold_tag(written.strip().removeprefix("#")) if len(written) <= _WRITTEN_MAX else ""
    if not is_topic(tag):
        raise TagNotFound("There is no such hashtag.")
    return tag


class TagNotFound(NotFound):
    """No text can have this as a hashtag."""

    code = "hashtag_not_found"
