"""Captions' languages, names and files, and playlists that list other captions than before."""

from __future__ import annotations

import pytest

from ments.media.caption_tracks import Caption, CaptionsRefused, check_language, clean_label, is_of_captions
from ments.media.multivariant import CaptionStream, PictureStream, SoundStream, write_multivariant
from ments.media.playlists import Chunk, Segment
from ments.media.recaption import list_other_captions

CHUNK = Chunk("init.mp4", (Segment("a.m4s", 4.0, 100_000), Segment("b.m4s", 2.0, 50_000)))
PICTURES = [
    PictureStream("v240.m3u8", 426, 240, 30.0, "avc1.640015", (CHUNK,)),
    PictureStream("v720.m3u8", 1280, 720, 30.0, "avc1.64001f", (CHUNK,)),
]
SOUND = SoundStream("a128.m3u8", "mp4a.40.2", 2, (CHUNK,))
ENGLISH = CaptionStream("en-1.m3u8", "en", "English")
GERMAN = CaptionStream("de-2.m3u8", "de", "Deutsch")


@pytest.mark.parametrize(
    ("asked", "tag"),
    [("de", "de"), (" EN ", "en"), ("pt-br", "pt-BR"), ("ZH-hans", "zh-Hans"), ("es-419", "es-419"), ("fil", "fil")],
)
def test_languages_get_their_usual_spelling(asked: str, tag: str) -> None:
    assert check_language(asked) == tag


@pytest.mark.parametrize("asked", ["", "e", "english", "en_GB", "en-", "../x", "en/de", "x" * 300, "de-DE-1901", "né"])
def test_what_is_no_language_is_refused(asked: str) -> None:
    with pytest.raises(CaptionsRefused):
        check_language(asked)


def test_labels_are_one_plain_line() -> None:
    assert clean_label(" Deutsch\n\u202e(für  Gehörlose)\0 ") == "Deutsch (für Gehörlose)"
    assert len(clean_label("x" * 500)) == 60


@pytest.mark.parametrize("language", ["en", "pt-BR", "zh-Hans-TW", "fil"])
def test_files_of_captions_are_told_from_a_films_own(language: str) -> None:
    caption = Caption(language, 12, "", "p1")
    assert is_of_captions(caption.file)
    assert is_of_captions(caption.playlist)
    assert is_of_captions("master-12.m3u8")


@pytest.mark.parametrize(
    "file",
    ["master.m3u8", "v720.m3u8", "a128.m3u8", "storyboard.vtt", "storyboard-000.jpg", "v240-c000-1-00000.m4s"],
)
def test_a_films_own_files_are_none_of_its_captions(file: str) -> None:
    assert not is_of_captions(file)


@pytest.mark.parametrize("sound", [SOUND, None])
@pytest.mark.parametrize("before", [[], [ENGLISH], [GERMAN, ENGLISH]])
@pytest.mark.parametrize("after", [[], [GERMAN], [ENGLISH, GERMAN]])
def test_a_playlist_with_other_captions_is_as_if_written_with_them(
    sound: SoundStream | None, before: list[CaptionStream], after: list[CaptionStream]
) -> None:
    written = write_multivariant(PICTURES, sound, before)
    assert list_other_captions(written, after) == write_multivariant(PICTURES, sound, after)
