"""Where a sign-in may lead: paths of this site, however they are spelled."""

from __future__ import annotations

from urllib.parse import quote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.accounts.rules import safe_redirect

SITE = "https://ments.example"


@pytest.mark.parametrize(
    "path",
    ["/", "/create", "/post/1?x=1&y=a%20b#c", "/search?q=%2F%2Fevil", "/profile/lena", "/a//b", "/a?next=//evil"],
)
def test_paths_of_the_site_pass(path: str) -> None:
    assert safe_redirect(path) == path


def test_every_letter_fits_into_a_header() -> None:
    assert safe_redirect("/search?q=план б&x=%2F#é") == "/search?q=%D0%BF%D0%BB%D0%B0%D0%BD%20%D0%B1&x=%2F#%C3%A9"


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "create",
        "https://evil.example/",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "\t//evil.example",
        " //evil.example",
        "javascript:alert(1)",
        "/%2fevil.example",
        "/%5cevil.example",
        "/%252fevil.example",
        "/%09/evil.example",
        "/create\r\nSet-Cookie: a=b",
        "/create%0d%0aSet-Cookie:a=b",
        "/" + "a" * 2001,
    ],
)
def test_others_lead_to_the_front_page(target: str | None) -> None:
    assert safe_redirect(target) == "/"


@given(st.text(alphabet="/\\:%@?#.\t\n\r 0259abcdefxyz", max_size=24))
def test_a_browser_never_leaves_the_site(target: str) -> None:
    path = safe_redirect(target)
    # Browsers drop tabs and newlines, and read a backslash as a slash.
    as_read = path.replace("\t", "").replace("\n", "").replace("\r", "").replace("\\", "/")
    assert urlsplit(urljoin(SITE, as_read)).netloc == "ments.example"


@given(st.text(alphabet="/\\:%@.\t\n abcdef", max_size=12), st.integers(0, 3))
def test_encoding_it_more_than_once_does_not_help(target: str, times: int) -> None:
    spelled = target
    for _ in range(times):
        spelled = quote(spelled)
    if safe_redirect("/" + spelled) != "/":
        assert not ("/" + target).startswith(("//", "/\\"))
