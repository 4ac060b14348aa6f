"""What a post may say: characters as readers count them, and texts that stay inside their own lines."""

import time
import unicodedata
from contextlib import suppress
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.posts.model import (
    ALT_TEXT_MAX,
    ATTACHMENTS_MAX,
    CONTENT_MAX,
    AttachmentDraft,
    NewPost,
    PostChange,
    PostRefused,
)
from ments.posts.rules import apply_change, clean_alt_text, clean_content, tidy_new
from ments.posts.text import clean_text, count_characters

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
FLAG = "\U0001f1f5\U0001f1f9"


@pytest.mark.parametrize("character", ["a", FAMILY, FLAG, "e\u0301\u0323", "\U0001f44d\U0001f3fd", "\uac01", "न\u093f"])
def test_a_character_is_what_a_reader_calls_one(character: str) -> None:
    assert count_characters(character) == 1
    assert clean_content(character * CONTENT_MAX)
    with pytest.raises(PostRefused) as refused:
        clean_content(character * (CONTENT_MAX + 1))
    assert refused.value.field == "content"
    assert refused.value.problem_code == "content_too_long"
    assert str(CONTENT_MAX + 1) in refused.value.safe or len(character) > 4
    assert refused.value.problem_status == 422


def test_stacked_accents_do_not_get_around_the_limit() -> None:
    with pytest.raises(PostRefused, match="combined characters"):
        clean_content("a" + "\u0301" * 5000)


def test_a_text_far_too_long_is_refused_before_it_is_looked_at() -> None:
    """Normalising sorts a run of accents in the square of its length: 160 kB took 15 s, and with it the whole process."""
    run = "a" + "\u0300" * 100_000 + "\u0316" * 100_000
    started = time.process_time()
    with pytest.raises(PostRefused, match="combined characters"):
        clean_content(run)
    with pytest.raises(PostRefused, match="description"):
        clean_alt_text(run)
    assert time.process_time() - started < 0.5
    one = uuid4()
    with pytest.raises(PostRefused) as refused:
        tidy_new(NewPost(media_ids=(one,), media=(AttachmentDraft(one, "x"),) * (ATTACHMENTS_MAX + 1)))
    assert refused.value.problem_code == "too_many_descriptions"


def test_501_characters_are_refused_after_stripping() -> None:
    assert clean_content("  " + "x" * CONTENT_MAX + "\n\n") == "x" * CONTENT_MAX


@pytest.mark.parametrize(
    "blank", ["", " ", "\n\t ", "\u200b\u200d", "\u3164", "\u2800", "\u202e\u202c", "\u0301", "\x00\x07", "\u00ad"]
)
def test_a_text_that_draws_nothing_is_empty(blank: str) -> None:
    assert clean_text(blank) == ""
    with pytest.raises(PostRefused) as refused:
        tidy_new(NewPost(content=blank))
    assert refused.value.problem_code == "post_empty"


def test_controls_and_turned_words_are_taken_out() -> None:
    assert clean_text("in\u202evoice\u202c \u2066a\u2069\x00\x1b[31m") == "invoice a[31m"
    assert clean_text("a\r\nb\rc\u2028d\ve") == "a\nb\nc\nd\ne"
    assert clean_text("a\n\n\n\n\nb") == "a\n\nb"
    assert clean_text("\u200fשלום, 3\u200e") == "\u200fשלום, 3\u200e"


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once
    assert once == unicodedata.normalize("NFC", once)
    assert not any(unicodedata.category(c) in ("Cc", "Cs") and c != "\n" for c in once)
    assert not set(once) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=900))
def test_accepted_content_fits(text: str) -> None:
    with suppress(PostRefused):
        assert count_characters(clean_content(text)) <= CONTENT_MAX


def test_a_description_has_a_limit_of_its_own() -> None:
    assert clean_alt_text("x" * ALT_TEXT_MAX)
    with pytest.raises(PostRefused) as refused:
        clean_alt_text("x" * (ALT_TEXT_MAX + 1))
    assert refused.value.field == "media"


def test_attachments_are_counted_and_named_once() -> None:
    ids = tuple(uuid4() for _ in range(ATTACHMENTS_MAX + 1))
    assert tidy_new(NewPost(media_ids=ids[:-1])).media_ids == ids[:-1]
    for wrong, code in ((ids, "too_many_attachments"), (ids[:1] * 2, "media_twice")):
        with pytest.raises(PostRefused) as refused:
            tidy_new(NewPost(content="x", media_ids=wrong))
        assert refused.value.problem_code == code


def test_descriptions_are_gathered_in_the_order_of_the_attachments() -> None:
    one, two = uuid4(), uuid4()
    new = tidy_new(NewPost(media_ids=(one, two), media=(AttachmentDraft(two, " A lake. "),)))
    assert new.media == (AttachmentDraft(one, ""), AttachmentDraft(two, "A lake."))
    assert tidy_new(NewPost(media=(AttachmentDraft(two),))).media_ids == (two,)
    with pytest.raises(PostRefused):
        tidy_new(NewPost(media_ids=(one,), media=(AttachmentDraft(two),)))


def test_a_change_leaves_alone_what_it_does_not_name() -> None:
    one, two = AttachmentDraft(UUID(int=1), "one"), AttachmentDraft(UUID(int=2), "two")
    assert apply_change("words", (one, two), PostChange()) == ("words", (one, two))
    assert apply_change("words", (one, two), PostChange(media_ids=(two.id,))) == ("words", (two,))
    described = apply_change("words", (one,), PostChange(content=" new ", media=(AttachmentDraft(one.id, "more"),)))
    assert described == ("new", (AttachmentDraft(one.id, "more"),))
    with pytest.raises(PostRefused):
        apply_change("", (one,), PostChange(media_ids=()))
