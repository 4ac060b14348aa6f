"""Cache-Control and the content security policy."""

from __future__ import annotations

from itertools import product
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from ments.web.caching import PRIVATE, PUBLIC, Sharing, cache_control, is_kept, sharing_of
from ments.web.doorway import content_security_policy


def test_only_a_visitors_copy_of_a_public_page_may_be_shared() -> None:
    everything = product(("GET", "HEAD", "POST"), (200, 206, 302, 404, 500), (True, False), (True, False))
    shared = [
        (method, status, public, known)
        for method, status, public, known in everything
        if cache_control(method=method, status=status, for_everyone=public, carries_identity=known) == PUBLIC
    ]
    assert shared == [("GET", 200, True, False), ("HEAD", 200, True, False)]
    assert cache_control(method="GET", status=200, for_everyone=True, carries_identity=True) == PRIVATE


@given(st.booleans(), st.none() | st.uuids(), st.booleans(), st.sampled_from((200, 304, 401, 500)), st.booleans())
def test_what_one_reader_may_see_is_shared_with_nobody_else(
    seen_by_all: bool, drawn_for: UUID | None, carries_identity: bool, status: int, sets_cookie: bool
) -> None:
    sharing = sharing_of(seen_by_all=seen_by_all, drawn_for=drawn_for, carries_identity=carries_identity)
    if sharing is Sharing.EVERYBODY:
        assert (seen_by_all, drawn_for, carries_identity) == (True, None, False)
    if drawn_for is not None:
        assert sharing is (Sharing.ONE_SESSION if carries_identity else Sharing.NOBODY)
    kept = is_kept(status=status, sets_cookie=sets_cookie, drawn_for=drawn_for, carries_identity=carries_identity)
    assert kept == (drawn_for is not None and carries_identity and status == 200 and not sets_cookie)
    if kept:
        # What the process keeps for one session is never the edge's.
        control = cache_control(
            method="GET", status=status, for_everyone=seen_by_all, carries_identity=carries_identity
        )
        assert control == PRIVATE


def test_the_policy_lets_in_the_cdn_and_the_storage_by_their_origin_alone() -> None:
    policy = content_security_policy(cdn_url="https://cdn.example/media", storage_url="https://s3.example:9000/x")
    assert "script-src 'self';" in policy
    assert "img-src 'self' data: blob: https://cdn.example;" in policy
    assert "media-src 'self' blob: https://cdn.example;" in policy
    assert "connect-src 'self' https://s3.example:9000 https://cdn.example;" in policy
    assert "unsafe-eval" not in policy


def test_without_them_everything_is_ours() -> None:
    policy = content_security_policy(cdn_url="", storage_url="")
    assert "connect-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
