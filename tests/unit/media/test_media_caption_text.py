"""Captions come out as WebVTT with nothing in it but times and text, or with a line and a cause for their author."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.media.caption_text import TAGS, clean_cue_text
from ments.media.caption_tracks import CaptionsRefused, check_language
from ments.media.captions import CAPTIONS_MAX_BYTES, CUES_MAX, Cue, parse_captions, write_captions
from ments.media.languages import name_language

SUBRIP = "1\n00:00:01,000 --> 00:00:02,500\nHello <i>there</i>\n\n2\n0:01:02,5 --> 01:00:00,000\nTwo\nlines\n"
WEBVTT = """WEBVTT - made by hand
Kind: captions

STYLE
::cue { background: url(//evil) }

NOTE nobody reads this
at all

REGION
id:r

intro
00:01.000 --> 00:02.500 align:start line:-2 region:r position:10%,line-left
Hello <i>there</i>

01:00:00.000 --> 01:00:01.000
<v.loud Ann>Hi &amp; bye</v>
"""
HEAD = "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n\n"


def test_subrip_becomes_webvtt() -> None:
    assert write_captions(parse_captions(SUBRIP.encode())) == (
        HEAD + "00:00:01.000 --> 00:00:02.500\nHello <i>there</i>\n\n00:01:02.500 --> 01:00:00.000\nTwo\nlines\n"
    )


def test_webvtt_keeps_times_text_and_places_and_nothing_else() -> None:
    assert write_captions(parse_captions(WEBVTT.encode())) == (
        HEAD + "00:00:01.000 --> 00:00:02.500 align:start line:-2 position:10%,line-left\nHello <i>there</i>\n\n"
        "01:00:00.000 --> 01:00:01.000\n<v.loud Ann>Hi &amp; bye</v>\n"
    )


@pytest.mark.parametrize("text", [SUBRIP, WEBVTT])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_encodings_and_ends_of_lines(text: str, encoding: str, ending: str) -> None:
    assert parse_captions(text.replace("\n", ending).encode(encoding)) == parse_captions(text.encode())


def test_captions_may_overlap() -> None:
    cues = parse_captions(b"WEBVTT\n\n00:01.000 --> 00:09.000\nA\n\n00:01.000 --> 00:02.000\nB\n")
    assert [cue.text for cue in cues] == ["A", "B"]


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("1\n00:00:03,000 --> 00:00:02,000\nA\n", "Line 2: this caption ends before it begins", 2),
        (SUBRIP + "\n3\n00:00:01,000 --> 00:00:09,000\nC\n", "Line 11: this caption begins before the one above", 11),
        (SUBRIP + "\n3\nno times\nC\n", "Line 11: here times should stand", 11),
        (SUBRIP + "\n3\n", "Line 10: here times should stand", 10),
        ("1\n00:61:00,000 --> 00:62:00,000\nA\n", "Line 2: minutes and seconds go to 59", 2),
        ("1\n04:00:00,000 --> 04:00:00,001\nA\n", "Line 2: this is later than 4 hours", 2),
        ("1\n00:00:01,000 --> 00:00:02,000\nA\n2\n00:00:03,000 --> 00:00:04,000\n", "Line 5: an empty line is missing", 5),
        ("WEBVTT\n00:01.000 --> 00:02.000\nA\n", "Line 2: an empty line is missing between WEBVTT", 2),
        ("1\n00:00:01,000 --> 00:00:02,000\n" + "A" * 2001, "longer than 2,000 characters", 2),
    ],
)  # fmt: skip
def test_errors_say_the_line(text: str, words: str, line: int) -> None:
    with pytest.raises(CaptionsRefused, match=words) as refused:
        parse_captions(text.encode())
    assert refused.value.extra["line"] == line


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no captions in this file"),
        (b"WEBVTT\n\n", "no captions in this file"),
        (b"hello", "These are no captions"),
        (b"<?xml version='1.0'?>\n<tt/>", "These are no captions"),
        (b"\x00\x01\x02", "no text file"),
        (b"1\n00:00:01,000 --> 00:00:02,000\ncaf\xe9\n", "Line 3: some letters are not UTF-8"),
        (b"\xff\xfe\x41", "not UTF-8"),
        (b"1\n00:00:01,000 --> 00:00:02,000\n<x></x>\n", "no captions in this file"),
        (b"a" * (CAPTIONS_MAX_BYTES + 1), "up to 1 MB"),
        (b"WEBVTT\n\n" + b"0:1.0 --> 0:2.0\na\n\n" * (CUES_MAX + 1), "20,000 captions"),
    ],
)
def test_what_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(CaptionsRefused, match=words):
        parse_captions(data)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("<b>bold", "<b>bold</b>"),
        ("<b><i>x</b>y</i>", "<b><i>x</i></b>y"),
        ("<B>x</B>", "<b>x</b>"),
        ("<script>alert(1)</script>", "alert(1)"),
        ('<font color="red">x</font>', "x"),
        ("<img src=x onerror=y>z", "z"),
        ("<b onclick=x>y</b>", "<b>y</b>"),
        ("<c.red.big.a.b.five>x</c>", "<c.red.big.a.b>x</c>"),
        ("<v Ann <b>>x", "&lt;v Ann <b>&gt;x</b>"),
        ("<v Ann &lt;3>x", "<v Ann &lt;3>x</v>"),
        ("<v>x", "x"),
        ("<v -->x", "x"),
        ("<b.-->x", "x"),
        ("<lang pt-BR>x</lang>", "<lang pt-BR>x</lang>"),
        ("<lang x onclick>y</lang>", "y"),
        ("<ruby>a<rt>b</rt></ruby>", "<ruby>a<rt>b</rt></ruby>"),
        ("<00:00:01.000>x", "x"),
        (r"{\an8}x{\i1}", "x"),
        ("{plain} x", "{plain} x"),
        ("&lt;b&gt;&#60;&amp;lt;", "&lt;b&gt;&lt;&amp;lt;"),
        ("a\n\n \nb", "a\nb"),
        ("a&#10;&#10;b&#0;", "a\nb\ufffd"),
        ("a\u2028b\x07\x1b", "a b"),
        ("<b> </b>", ""),
        ("", ""),
    ],
)
def test_what_stays_of_a_text(text: str, clean: str) -> None:
    assert clean_cue_text(text) == clean


ALPHABET = st.sampled_from(
    [*"<>/&;.\n -ab{}\\#x\"'\r\u2028\0", "<b>", "</b>", "<v ", "<c.", "-->", "&lt;", "&#10;", "lang"]
)


@given(st.lists(ALPHABET, max_size=40).map("".join))
def test_no_text_gets_out_of_its_cue(text: str) -> None:
    clean = clean_cue_text(text)
    assert "-->" not in clean
    assert "" not in clean.split("\n") or clean == ""
    assert len(clean.splitlines()) == len(clean.split("\n")) - (clean == "")
    opened: list[str] = []
    rest = clean
    for slash, name in re.findall(r"<(/?)([a-z]+)[^<>]*>", clean):
        assert name in TAGS
        if slash:
            assert opened.pop() == name
        else:
            opened.append(name)
    assert not opened
    rest = re.sub(r"</?[a-z]+[^<>]*>", "", clean)
    assert "<" not in rest
    assert ">" not in rest
    assert re.sub(r"&(amp|lt|gt);", "", rest).count("&") == 0


cues = st.lists(
    st.tuples(st.integers(0, 10_000_000), st.integers(1, 100_000), st.lists(ALPHABET, max_size=20).map("".join)),
    min_size=1,
    max_size=6,
)


@given(cues, st.booleans())
def test_what_was_written_is_read_as_the_same(made: list[tuple[int, int, str]], is_vtt: bool) -> None:
    whole = [
        Cue(start, start + length, clean_cue_text(text) or "-", ("line:10%",)) for start, length, text in sorted(made)
    ]
    text = write_captions(whole)
    assert text.count("-->") == len(whole)
    if not any("{\\" in cue.text for cue in whole):
        assert parse_captions(text.encode()) == tuple(whole)
        assert write_captions(parse_captions(text.encode())) == text
    plain = text if is_vtt else text.removeprefix(HEAD)
    assert [cue.start_ms for cue in parse_captions(plain.encode())] == sorted(start for start, _, _ in made)


@given(st.lists(st.one_of(ALPHABET, st.sampled_from(["WEBVTT\n\n", "00:01.000", " --> ", "1\n", "NOTE", "STYLE\n", "\n\n"])),
                max_size=30).map("".join))  # fmt: skip
def test_no_file_does_more_than_be_refused(text: str) -> None:
    try:
        written = write_captions(parse_captions(text.encode()))
    except CaptionsRefused:
        return
    blocks = written.split("\n\n")
    assert blocks[0] + "\n\n" == HEAD
    for block in blocks[1:]:
        assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d{3} --> \d\d:\d\d:\d\d\.\d{3}( [a-z:\d.%,-]+)*", block.split("\n")[0])


def test_settings_that_are_no_settings() -> None:
    times = "00:01.000 --> 00:02.000"
    settings = "line:5 line:6 size:101% vertical:rl align:middle position:50.5%,center region:x size:40% X1:10 <b>"
    (cue,) = parse_captions(f"WEBVTT\n\n{times} {settings}\nx\n".encode())
    assert cue.settings == ("line:5", "vertical:rl", "position:50.5%,center", "size:40%")


@pytest.mark.parametrize(
    ("tag", "name"),
    [("de", "Deutsch"), ("DE-at", "Deutsch (AT)"), ("pt-br", "Português (Brasil)"), ("zh-hant", "繁體中文"),
     ("tlh", "tlh"), ("tlh-latn", "tlh-Latn")],
)  # fmt: skip
def test_languages_have_names(tag: str, name: str) -> None:
    assert name_language(check_language(tag)) == name
