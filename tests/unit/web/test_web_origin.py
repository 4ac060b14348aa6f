"""Which writes pass, by where the browser says they come from."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.web.asked import tidy_origin
from ments.web.origin import refuse_reason

OWN = ("https://ments.example", "http://127.0.0.1:8080")


def passes(
    *,
    method: str = "POST",
    origin: str | None = None,
    fetch_site: str | None = None,
    has_cookie: bool = False,
    has_bearer: bool = False,
) -> bool:
    reason = refuse_reason(
        method=method, origin=origin, fetch_site=fetch_site, own=OWN, has_cookie=has_cookie, has_bearer=has_bearer
    )
    return reason is None


def test_reading_passes_from_anywhere() -> None:
    assert passes(method="GET", origin="https://evil.example", fetch_site="cross-site", has_cookie=True)


def test_a_write_with_a_cookie_needs_our_origin() -> None:
    assert passes(origin="https://ments.example", has_cookie=True)
    assert passes(origin="HTTPS://Ments.Example:443", has_cookie=True)
    assert not passes(has_cookie=True)


@pytest.mark.parametrize("has_cookie", [True, False])
@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "", "http://ments.example", "https://ments.example.evil.example", "https://ments"],
)
def test_another_origin_is_refused_with_a_cookie_or_without(origin: str, has_cookie: bool) -> None:
    assert not passes(origin=origin, has_cookie=has_cookie)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_the_browser_calls_another_site_is_refused(site: str) -> None:
    assert not passes(origin="https://ments.example", fetch_site=site, has_cookie=True)
    assert not passes(fetch_site=site)


def test_scripts_pass_without_an_origin() -> None:
    assert passes()
    assert passes(has_bearer=True, has_cookie=True)


@given(st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "BREW"]), st.text(max_size=40), st.booleans())
def test_no_other_text_is_our_origin(method: str, origin: str, has_cookie: bool) -> None:
    if tidy_origin(origin) not in OWN:
        assert not passes(method=method, origin=origin, has_cookie=has_cookie)
