"""Cache-Control, decided in one place from who may see the answer."""

from __future__ import annotations

PRIVATE = "private, no-store"
# What a visitor may be behind at most is the sum: a post that was deleted, or one that was just written.
PUBLIC = "public, max-age=1, stale-while-revalidate=5"
# A browser that has signed in must not be shown the copy it kept as a visitor; htmx asks for a fragment of the same URL.
PUBLIC_VARY = "Cookie, HX-Request"


def cache_control(*, method: str, status: int, for_everyone: bool, carries_identity: bool) -> str:
    """Return the Cache-Control of an answer. Pure.

    for_everyone      the route was declared `public=True`: visitors all get the same
    carries_identity  the request came with a session or a token
    """
    if for_everyone and not carries_identity and method in ("GET", "HEAD") and status == 200:
        return PUBLIC
    return PRIVATE
