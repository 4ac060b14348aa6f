"""Hashtags: found where the page links them, and one however they are written."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.posts.hashtags import TAGS_MAX, TagNotFound, find_hashtags, fold_tag, read_tag
from ments.web.links import is_topic, linked

texts = st.lists(
    st.one_of(st.text(max_size=12), st.sampled_from(["#", " #", "#a", "#B_1", "https://x.example/#y ", "#ß", "#ﬁn", "#１a", "#Ⅳ"])),
    max_size=14,
).map("".join)  # fmt: skip


@given(texts)
def test_every_tag_is_one_that_an_address_can_name(text: str) -> None:
    tags = find_hashtags(text)
    assert len(tags) <= TAGS_MAX
    assert len(set(tags)) == len(tags)
    for tag in tags:
        assert is_topic(tag)
        assert len(tag) <= 50
        assert read_tag(tag) == read_tag(f"#{tag}") == read_tag(tag.upper()) == tag


@given(texts)
def test_what_is_listed_is_what_the_page_links(text: str) -> None:
    linked_to = [unquote(tag) for tag in re.findall(r'href="/tags/([^"]+)"', linked(text))]
    folded = dict.fromkeys(tag for topic in linked_to if is_topic(tag := fold_tag(topic)))
    assert find_hashtags(text) == tuple(folded)[:TAGS_MAX]


@given(st.text(max_size=30))
def test_folding_twice_is_once(text: str) -> None:
    assert fold_tag(fold_tag(text)) == fold_tag(text)


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("#Pricing, #pricing and #PRICING", ("pricing",)),
        ("#Straße #STRASSE", ("strasse",)),
        ("＃no, #ｆｕｌｌ is", ("full",)),
        ("#हिन्दी #日本語 #اردو", ("हिन्दी", "日本語", "اردو")),
        ("#2026 #1 but #2026goals", ("2026goals",)),
        ("a#b ##c /#d &#39; &#x", ()),
        ("https://x.example/page?#part", ()),
        ("#" + "x" * 50, ("x" * 50,)),
        ("#" + "x" * 51, ()),
        ("#ﷺ", ()),
        (" ".join(f"#t{n}" for n in range(12)), tuple(f"t{n}" for n in range(10))),
    ],
)
def test_examples(text: str, tags: tuple[str, ...]) -> None:
    assert find_hashtags(text) == tags


@pytest.mark.parametrize("written", ["", "#", "1", "a b", "a/b", "x" * 51, "a" * 100_000, "##a"])
def test_what_no_tag_can_be(written: str) -> None:
    with pytest.raises(TagNotFound):
        read_tag(written)
