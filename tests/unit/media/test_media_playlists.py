"""What a client reads: lines that no name breaks, lengths that are right, rates that were measured."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.media.codec_names import AAC_LC, name_avc, name_codec
from ments.media.multivariant import NAME_MAX, CaptionStream, PictureStream, SoundStream, write_multivariant
from ments.media.playlists import (
    Chunk,
    PlaylistUnreadable,
    Segment,
    find_average,
    find_peak,
    find_target,
    parse_media_playlist,
    write_captions_playlist,
    write_media_playlist,
)

FIRST = Chunk("v720-c000-1-init.mp4", (Segment("v720-c000-1-00000.m4s", 4.004), Segment("v720-c000-1-00001.m4s", 4.0)))
SECOND = Chunk("v720-c001-2-init.mp4", (Segment("v720-c001-2-00000.m4s", 1.5),))

micro_lengths = st.integers(1, 12_000_000).map(lambda number: number / 1_000_000)
segments = st.lists(
    st.builds(
        Segment, st.from_regex(r"[a-z][a-z0-9-]{0,20}\.m4s", fullmatch=True), micro_lengths, st.integers(0, 10**8)
    ),
    max_size=30,
).map(tuple)


def test_a_whole_film_of_two_chunks() -> None:
    assert write_media_playlist([FIRST, Chunk("none-init.mp4", ()), SECOND], is_complete=True, is_independent=True) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:7\n"
        "#EXT-X-TARGETDURATION:4\n"
        "#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MAP:URI="v720-c000-1-init.mp4"\n'
        "#EXTINF:4.004000,\n"
        "v720-c000-1-00000.m4s\n"
        "#EXTINF:4.000000,\n"
        "v720-c000-1-00001.m4s\n"
        '#EXT-X-MAP:URI="v720-c001-2-init.mp4"\n'
        "#EXTINF:1.500000,\n"
        "v720-c001-2-00000.m4s\n"
        "#EXT-X-ENDLIST\n"
    )


def test_a_film_that_grows_keeps_its_target_and_has_no_end() -> None:
    text = write_media_playlist([FIRST], is_complete=False, is_independent=False, target_s=6)
    assert "#EXT-X-TARGETDURATION:6\n" in text
    assert "#EXT-X-PLAYLIST-TYPE:EVENT\n" in text
    assert "INDEPENDENT" not in text
    assert "ENDLIST" not in text
    assert write_media_playlist([], is_complete=False, is_independent=True, target_s=6).count("\n") == 6
    with pytest.raises(ValueError, match="promised"):
        write_media_playlist([FIRST], is_complete=False, is_independent=True, target_s=3)


def test_a_new_map_only_where_the_init_file_is_another_and_a_break_only_where_time_breaks() -> None:
    same = Chunk(FIRST.init_file, SECOND.segments)
    assert write_media_playlist([FIRST, same], is_complete=True, is_independent=True).count("EXT-X-MAP") == 1
    broken = Chunk(FIRST.init_file, SECOND.segments, restarts=True)
    text = write_media_playlist([FIRST, broken], is_complete=True, is_independent=True)
    assert text.count("#EXT-X-DISCONTINUITY\n#EXT-X-MAP") == 1
    assert "DISCONTINUITY" not in write_media_playlist([broken], is_complete=True, is_independent=True)


@given(st.lists(st.tuples(st.sampled_from(["a-init.mp4", "b-init.mp4"]), segments), max_size=5), st.booleans())
def test_what_is_written_is_what_a_client_reads(made: list[tuple[str, tuple[Segment, ...]]], is_complete: bool) -> None:
    text = write_media_playlist([Chunk(*chunk) for chunk in made], is_complete=is_complete, is_independent=True)
    wanted = [segment for _, chunk in made for segment in chunk]
    lengths = [float(length) for length in re.findall(r"^#EXTINF:([\d.]+),$", text, re.MULTILINE)]
    assert lengths == [segment.length_s for segment in wanted]
    assert [line for line in text.splitlines() if not line.startswith("#")] == [segment.file for segment in wanted]
    target = int(re.findall(r"^#EXT-X-TARGETDURATION:(\d+)$", text, re.MULTILINE)[0])
    assert all(length < target + 0.5 for length in lengths)
    assert text.endswith("#EXT-X-ENDLIST\n") == is_complete
    if len({init for init, chunk in made if chunk}) == 1:
        read = parse_media_playlist(text)
        assert read.is_complete == is_complete
        assert [(segment.file, segment.length_s) for segment in read.segments] == [
            (segment.file, segment.length_s) for segment in wanted
        ]


@pytest.mark.parametrize("file", ["a b", 'a"b', "a\nb", "#EXT-X-ENDLIST", "", "ä.m4s", "a\\b"])
def test_names_that_break_out_are_refused(file: str) -> None:
    with pytest.raises(ValueError, match="can't stand"):
        write_media_playlist([Chunk("i.mp4", (Segment(file, 1.0),))], is_complete=True, is_independent=True)
    with pytest.raises(ValueError, match="can't stand"):
        write_media_playlist([Chunk(file, (Segment("s.m4s", 1.0),))], is_complete=True, is_independent=True)


def test_signed_addresses_may_stand_in_a_playlist() -> None:
    address = "https://a.example/media/p7/v240-00000.m4s?exp=170&sig=Ab-_9%3D"
    assert address in write_captions_playlist(address, 5)


def test_captions_are_one_segment() -> None:
    assert write_captions_playlist("en.vtt", 63.5) == (
        "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:64\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:VOD\n"
        "#EXTINF:63.500000,\nen.vtt\n#EXT-X-ENDLIST\n"
    )


# Rates.


@given(segments)
def test_the_peak_is_between_the_average_and_the_largest_segment(made: tuple[Segment, ...]) -> None:
    peak, average = find_peak(made), find_average(made)
    assert peak >= average >= 0
    if made:
        assert peak <= max(segment.bytes * 8 / segment.length_s for segment in made) + 1


def test_the_peak_is_of_runs_about_as_long_as_a_segment() -> None:
    steady = tuple(Segment("a.m4s", 4.0, 500_000) for _ in range(5))
    assert (find_peak(steady), find_average(steady), find_target(steady)) == (1_000_000, 1_000_000, 4)
    burst = (*steady, Segment("b.m4s", 4.0, 1_000_000))
    assert find_peak(burst) == 2_000_000
    # A rest of one packet is no peak of its own: it counts with its neighbour.
    rest = (*steady, Segment("b.m4s", 0.02, 10_000))
    assert find_peak(rest) == -(-510_000 * 8 // 4.02)
    assert find_peak(()) == find_average(()) == 0
    assert find_peak((Segment("a.m4s", 0.04, 1000),)) == 200_000


# The playlist of playlists.


def rung(short: int, rate: int) -> PictureStream:
    chunks = (Chunk(f"v{short}-init.mp4", (Segment("x.m4s", 4.0, rate // 2),)),)
    return PictureStream(f"v{short}.m3u8", short * 16 // 9, short, 29.97003, name_avc(100, 0, 31), chunks)


SOUND = SoundStream("a128.m3u8", AAC_LC, 2, (Chunk("a128-init.mp4", (Segment("a.m4s", 4.0, 64_000),)),))


def test_a_film_with_all_that_there_is() -> None:
    captions = [CaptionStream("en.m3u8", "en", "English", is_default=True), CaptionStream("de.m3u8", "de", "Deutsch")]
    assert write_multivariant([rung(720, 2_500_000), rung(240, 400_000), rung(480, 1_200_000)], SOUND, captions) == (
        "#EXTM3U\n#EXT-X-VERSION:7\n"
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="sound",NAME="Sound",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="a128.m3u8"\n'
        '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="captions",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,'
        'FORCED=NO,URI="en.m3u8"\n'
        '#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="captions",NAME="Deutsch",LANGUAGE="de",DEFAULT=NO,AUTOSELECT=YES,'
        'FORCED=NO,URI="de.m3u8"\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=1328000,AVERAGE-BANDWIDTH=1328000,CODECS="avc1.64001f,mp4a.40.2",'
        'RESOLUTION=853x480,FRAME-RATE=29.970,AUDIO="sound",SUBTITLES="captions",CLOSED-CAPTIONS=NONE\nv480.m3u8\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=528000,AVERAGE-BANDWIDTH=528000,CODECS="avc1.64001f,mp4a.40.2",'
        'RESOLUTION=426x240,FRAME-RATE=29.970,AUDIO="sound",SUBTITLES="captions",CLOSED-CAPTIONS=NONE\nv240.m3u8\n'
        '#EXT-X-STREAM-INF:BANDWIDTH=2628000,AVERAGE-BANDWIDTH=2628000,CODECS="avc1.64001f,mp4a.40.2",'
        'RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="sound",SUBTITLES="captions",CLOSED-CAPTIONS=NONE\nv720.m3u8\n'
    )


def test_a_silent_film_names_no_sound() -> None:
    text = write_multivariant([rung(240, 400_000)], None, [])
    assert 'CODECS="avc1.64001f"' in text
    assert "AUDIO" not in text
    assert "SUBTITLES" not in text
    with pytest.raises(ValueError, match="no pictures"):
        write_multivariant([], SOUND, [])


def test_a_client_begins_with_what_most_connections_bear_or_else_with_the_least() -> None:
    def first(*rates: int) -> str:
        text = write_multivariant([rung(240 + number, rate) for number, rate in enumerate(rates)], None, [])
        return str(re.findall(r"BANDWIDTH=(\d+)", text)[0])

    assert first(5_000_000, 1_900_000, 300_000) == "1900000"
    assert first(5_000_000, 2_100_000) == "2100000"


ATTRIBUTE = re.compile(r'([A-Z0-9-]+)=("[^"\r\n]*"|[^",\s]+)(?:,|$)')


def attributes(line: str) -> dict[str, str]:
    """An attribute list as RFC 8216 has it; the whole line must be one."""
    tag, _, rest = line.partition(":")
    found = ATTRIBUTE.findall(rest)
    assert ",".join(f"{name}={value}" for name, value in found) == rest
    assert len({name for name, _ in found}) == len(found)
    return {"tag": tag, **dict(found)}


@given(st.lists(st.tuples(st.text(max_size=200), st.booleans()), min_size=1, max_size=6))
def test_no_name_of_captions_breaks_out(named: list[tuple[str, bool]]) -> None:
    captions = [CaptionStream(f"c{n}.m3u8", "en", name, default) for n, (name, default) in enumerate(named)]
    lines = write_multivariant([rung(240, 400_000)], SOUND, captions).split("\n")
    assert len(lines) == 6 + len(named)
    read = [attributes(line) for line in lines if line.startswith("#EXT-X-MEDIA")][1:]
    assert [entry["URI"] for entry in read] == [f'"c{n}.m3u8"' for n in range(len(named))]
    assert len({entry["NAME"] for entry in read}) == len(named)
    assert all(3 <= len(entry["NAME"]) <= NAME_MAX + 8 for entry in read)
    assert sum(entry["DEFAULT"] == "YES" for entry in read) == min(1, sum(default for _, default in named))
    assert all(len(line.splitlines()) <= 1 for line in lines)
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs") for line in lines for char in line)


def test_a_name_that_tries() -> None:
    name = 'x",URI="//evil"\n#EXT-X-ENDLIST\u2028\u202e'
    line = write_multivariant([rung(240, 1)], None, [CaptionStream("c.m3u8", "en", name)]).split("\n")[2]
    assert attributes(line)["NAME"] == '"x”,URI=”//evil” #EXT-X-ENDLIST"'


# What ffmpeg writes.

WRITTEN = (
    "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:EVENT\n"
    '#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MAP:URI="i.mp4"\n#EXTINF:4.004000,\na-00000.m4s\n#EXTINF:0.021333,\na-00001.m4s\n'
)


def test_a_playlist_of_ffmpeg_is_read_while_it_grows_and_when_it_is_whole() -> None:
    read = parse_media_playlist(WRITTEN)
    assert (read.init_file, read.is_complete) == ("i.mp4", False)
    assert read.segments == (Segment("a-00000.m4s", 4.004), Segment("a-00001.m4s", 0.021333))
    assert parse_media_playlist(WRITTEN + "#EXT-X-ENDLIST\n").is_complete
    assert parse_media_playlist(WRITTEN.replace("\n", "\r\n")) == read


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("#EXTM3U", "hello", "line 1"),
        ("a-00001.m4s", "../../etc/passwd", "line 11: .* no name"),
        ("a-00001.m4s", ".hidden", "no name"),
        ("a-00001.m4s", "", "has no name"),
        ("#EXTINF:0.021333,", "#EXTINF:nan,", "line 10: no length"),
        ("#EXTINF:0.021333,", "#EXTINF:-1,", "line 10: no length"),
        ("#EXTINF:0.021333,", "#EXTINF:1", "no length"),
        ("#EXTINF:0.021333,\n", "", "line 10: 'a-00001.m4s'"),
        ("#EXTINF:0.021333,\n", "#EXT-X-BYTERANGE:5@0\n", "line 10: '#EXT-X-BYTERANGE"),
        ("#EXT-X-VERSION:7", '#EXT-X-KEY:METHOD=AES-128,URI="k"', "line 2"),
        ('URI="i.mp4"', 'URI="i.mp4",BYTERANGE="7@0"', "no name"),
        ("#EXTINF:4.004000,", "#EXT-X-ENDLIST\n#EXTINF:4.004000,", "after the end"),
    ],
)
def test_anything_else_is_refused(old: str, new: str, words: str) -> None:
    with pytest.raises(PlaylistUnreadable, match=words):
        parse_media_playlist(WRITTEN.replace(old, new, 1))


@given(st.text(alphabet=st.sampled_from('#EXTINFMAP-:,.\n\r09am4s"= '), max_size=300))
def test_no_text_does_harm(text: str) -> None:
    for playlist in (text, "#EXTM3U\n" + text):
        try:
            read = parse_media_playlist(playlist)
        except PlaylistUnreadable:
            continue
        assert all("/" not in segment.file and segment.length_s >= 0 for segment in read.segments)


# Names of codecs.


def test_codecs_by_their_numbers_and_by_init_files() -> None:
    assert name_avc(100, 0, 40) == "avc1.640028"
    entry = b"stsd\0\0\0\0\0\0\0\x01\0\0\0\x80avc1" + bytes(78) + b"\0\0\0\x20avcC\x01\x64\x00\x1f\xff"
    assert name_codec(b"ftypavc1" + bytes(20) + entry) == "avc1.64001f"
    assert name_codec(b"stsd\0\0\0\0\0\0\0\x01\0\0\0\x80mp4a") == AAC_LC
    for broken in (b"", b"stsd....hev1", entry[:-4], entry.replace(b"avcC\x01", b"avcC\x02"), bytes(70_000)):
        with pytest.raises(ValueError, match="init file"):
            name_codec(broken)
