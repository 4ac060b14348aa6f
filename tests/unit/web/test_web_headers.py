"""Cache-Control and the content security policy."""

from __future__ import annotations

from itertools import product

from ments.web.caching import PRIVATE, PUBLIC, cache_control
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
