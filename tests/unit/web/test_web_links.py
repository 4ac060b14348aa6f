"""Links in people's texts: whatever the text, nothing of it reaches the page as markup."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.web.links import linked

TRICKY = st.lists(
    st.one_of(
        st.text(max_size=12),
        st.sampled_from(
            ["<script>", "</a>", '"', "'", "&", "http://", "https://x.example/a", "@mara", "#pricing", "javascript:", "\n", ")", "(", "&lt;", "onclick="]
        ),
    ),
    max_size=12,
).map("".join)  # fmt: skip


class Page(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(markup: str) -> Page:
    page = Page()
    page.feed(markup)
    page.close()
    return page


@given(TRICKY)
def test_only_our_own_tags_and_safe_addresses_come_out(text: str) -> None:
    for tag, attributes in read(str(linked(text))).tags:
        assert tag == "a"
        assert set(attributes) <= {"href", "rel", "target", "class"}
        href = attributes.get("href")
        assert (
            href is None
            or href.startswith(("http://", "https://", "/profile/", "/tags/"))
            or href.lower().startswith("http")
        )


@given(st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), max_size=60))
def test_words_without_addresses_read_as_they_were_written(text: str) -> None:
    if "http" not in text.lower():
        assert read(str(linked(text))).text == text


@pytest.mark.parametrize(
    ("text", "href"),
    [
        ("see https://ments.example/a.", "https://ments.example/a"),
        ("(https://ments.example/a)", "https://ments.example/a"),
        ("https://en.example/wiki/Ladder_(tool)", "https://en.example/wiki/Ladder_(tool)"),
        ("https://ments.example/?a=1&b=2, and", "https://ments.example/?a=1&b=2"),
        ("thanks @Mara!", "/profile/mara"),
        ("what we learned about #Pricing.", "/tags/Pricing"),
        ("(#हिन्दी)", "/tags/%E0%A4%B9%E0%A4%BF%E0%A4%A8%E0%A5%8D%E0%A4%A6%E0%A5%80"),
    ],
)
def test_addresses_and_names_end_where_a_reader_ends_them(text: str, href: str) -> None:
    assert [attributes["href"] for tag, attributes in read(str(linked(text))).tags if tag == "a"] == [href]


@pytest.mark.parametrize(
    "text",
    [
        "me@mara.example",
        "http://",
        "javascript:alert(1)",
        "@ma",
        "a#pricing",
        "&#39;",
        "#1",
        "#2024",
        "#1\ufe0f\u20e3",
        "##a",
        "#__",
        "#" + "a" * 51,
    ],
)
def test_what_only_looks_like_a_link_stays_text(text: str) -> None:
    assert not read(str(linked(text))).tags


def test_long_addresses_are_shortened_to_read_and_whole_to_follow() -> None:
    address = "https://notes.example/" + "what-happened-" * 8
    page = read(str(linked(address)))
    assert page.tags[0][1]["href"] == address
    assert len(page.text) <= 42
