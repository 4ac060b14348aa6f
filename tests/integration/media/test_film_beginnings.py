"""Long films play before all of the original is here, and as if all of it had been."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import pytest

import originals
from films import finish, make_pieces, pieces_of
from ments.media import boxes
from ments.media.actions import beginnings
from ments.media.job_events import MediaUploaded
from ments.media.model import UnplayableMedia
from ments.media.tasks import transcode
from ments.parts import Parts
from ments.storage import Bucket, ObjectReplaced
from posting import make_member, open_api
from uploaded import files_of, id_of, make_queued, row_of, run_of

SECONDS, RATE = 40, 15
KEPT = ("-g", "30", "-bf", "2", "-preset", "veryfast")
ENCODED = ("-g", "150", "-bf", "2", "-preset", "veryfast")
FRONT = ("-movflags", "+faststart")


@dataclass
class Reads:
    """What was read of originals: bytes of parts, and how often a whole one was."""

    parts: int = 0
    wholes: int = 0
    before: list[Callable[[], Any]] = field(default_factory=list)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    """Small files are taken for large ones, and what is read of them is counted."""
    monkeypatch.setattr(beginnings, "WHOLE_MAX_BYTES", 50_000)
    monkeypatch.setattr(beginnings, "LOOK_BYTES", 200_000)
    noted = Reads()
    read_range, download = Bucket.read_range, Bucket.download

    async def noted_range(bucket: Bucket, key: str, start: int, end: int, *, etag: str) -> bytes | None:
        for act in noted.before:
            await act()
        noted.parts += end - start
        return await read_range(bucket, key, start, end, etag=etag)

    async def noted_download(bucket: Bucket, key: str, path: Path, *, etag: str | None = None) -> int | None:
        noted.wholes += key.endswith("/original")
        return await download(bucket, key, path, etag=etag)

    monkeypatch.setattr(Bucket, "read_range", noted_range)
    monkeypatch.setattr(Bucket, "download", noted_download)
    return noted


Make = Callable[..., Path]


@pytest.fixture(scope="session")
def make_long(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Makes a long film with these options of the output, the same ones only once; tests only read it."""
    made: dict[tuple[str, ...], Path] = {}

    def make(*more: str, size: str = "320x240") -> Path:
        if (*more, size) not in made:
            path = tmp_path_factory.mktemp("long") / "a.mp4"
            made[*more, size] = originals.make_video(path, size=size, seconds=SECONDS, rate=RATE, more=more)
        return made[*more, size]

    return make


async def served_of(parts: Parts, event: MediaUploaded) -> dict[str, bytes]:
    """Everything that lies beside the original, by name."""
    served = {}
    for name in await files_of(parts, event):
        data = await parts.bucket.read_bytes(f"media/{id_of(event)}/{name}")
        assert data is not None
        served[name] = data
    del served["original"]
    return served


async def check_film(parts: Parts, event: MediaUploaded, folder: Path) -> None:
    """It is ready, with every picture of the original."""
    row = await row_of(parts, event)
    assert (row["status"], row["error_code"]) == ("ready", None)
    path = folder / "video.mp4"
    assert await parts.bucket.download(f"media/{id_of(event)}/{row['generation']}/video.mp4", path)
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == SECONDS * RATE


@pytest.mark.parametrize("words", [KEPT, (*KEPT, *FRONT), ENCODED, (*ENCODED, *FRONT)],
                         ids=["kept-index-last", "kept-index-first", "encoded-index-last", "encoded-index-first"])  # fmt: skip
async def test_it_plays_by_its_beginning_alone(
    parts: Parts, tmp_path: Path, reads: Reads, make_long: Make, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    mara, source = await make_member(parts), make_long(*words)
    event = await make_queued(parts, mara, source)
    await transcode(parts, run_of(), event)
    assert (await row_of(parts, event))["status"] == "playable"
    assert reads.wholes == 0
    assert 0 < reads.parts < 0.8 * originals.size_of(source)
    names = [piece["name"] for piece in await pieces_of(parts, id_of(event))]
    assert names == (
        ["copy-000", "copy-001"] if "30" in words else ["first-000", "first-001", "first-002", "first-003"]
    )
    first = await served_of(parts, event)
    if "+faststart" in words:  # what comes next does not know where the index lay
        await finish(parts)
        assert reads.wholes == 1
        await check_film(parts, event, tmp_path)
    reads.wholes = 0
    # All as it would be had it been fetched whole.
    monkeypatch.setattr(beginnings, "WHOLE_MAX_BYTES", 10**9)
    again = await make_queued(parts, mara, source)
    await transcode(parts, run_of(), again)
    assert reads.wholes == 1
    assert await served_of(parts, again) == first


async def test_the_playlist_of_a_film_that_is_kept_grows_once(parts: Parts, make_long: Make, reads: Reads) -> None:
    mara = await make_member(parts)
    event = await make_queued(parts, mara, make_long(*KEPT))
    await transcode(parts, run_of(), event)
    async with open_api(parts) as api:
        address = f"/api/media/{id_of(event)}/playlists"
        before = [(await api.get(f"{address}/{name}.m3u8", headers=mara.headers)).text for name in ("v240", "a128")]
        await make_pieces(parts)
        after = [(await api.get(f"{address}/{name}.m3u8", headers=mara.headers)).text for name in ("v240", "a128")]
    for grown, whole in zip(before, after, strict=True):
        # Keyframes may be 4 s apart, so that a segment may last for nearly 8 s.
        assert "#EXT-X-TARGETDURATION:8\n#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-PLAYLIST-TYPE:EVENT\n" in grown
        assert "ENDLIST" not in grown
        assert grown.count("#EXTINF") == 2
        assert whole.endswith("#EXT-X-ENDLIST\n")
        assert whole.count("#EXT-X-MAP") == 1
        listed = [[line.split("/")[-1] for line in text.splitlines() if ".m4s" in line] for text in (grown, whole)]
        assert listed[1][:2] == listed[0]
        assert listed[1][2].endswith("-c001-1-00002.m4s")


async def test_packets_that_lie_elsewhere_are_looked_for(
    parts: Parts, tmp_path: Path, reads: Reads, make_long: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beginnings, "LOOK_BYTES", 100)
    event = await make_queued(parts, await make_member(parts), make_long(*ENCODED))
    await transcode(parts, run_of(), event)
    row = await row_of(parts, event)
    assert (row["status"], row["width"], reads.wholes) == ("playable", 320, 0)
    await finish(parts)
    await check_film(parts, event, tmp_path)


@pytest.mark.parametrize("odd", ["large-index", "fragments", "matroska", "two-pictures", "other-sound", "short"])
async def test_what_is_odd_is_fetched_whole(
    parts: Parts, tmp_path: Path, reads: Reads, make_long: Make, monkeypatch: pytest.MonkeyPatch, odd: str
) -> None:
    words: dict[str, tuple[str, ...]] = {
        "large-index": ("-c", "copy", *FRONT),
        "fragments": ("-c", "copy", "-movflags", "+frag_keyframe+empty_moov"),
        "matroska": ("-c", "copy"),
        "two-pictures": ("-map", "0:v", "-map", "0:v", "-map", "0:a", "-c", "copy"),
        "other-sound": ("-c:v", "copy", "-c:a", "ac3"),
        "short": ("-c", "copy", "-t", "20"),
    }
    if odd == "large-index":
        monkeypatch.setattr(boxes, "INDEX_MAX_BYTES", 1000)
    source = tmp_path / ("a.mkv" if odd == "matroska" else "a.mp4")
    originals.ffmpeg("-i", str(make_long(*(KEPT if odd == "short" else ENCODED))), *words[odd], str(source))
    event = await make_queued(parts, await make_member(parts), source)
    await transcode(parts, run_of(), event)
    assert (await row_of(parts, event))["status"] == "playable"
    assert reads.wholes == 1
    if odd == "two-pictures":
        await finish(parts)
        await check_film(parts, event, tmp_path)


@pytest.mark.parametrize("words", [KEPT, ENCODED], ids=["kept", "encoded"])
async def test_one_that_was_cut_off_says_where(
    parts: Parts, tmp_path: Path, reads: Reads, make_long: Make, words: tuple[str, ...]
) -> None:
    whole = make_long(*words, *FRONT)
    event = await make_queued(parts, await make_member(parts), originals.cut(tmp_path / "a.mp4", whole, 0.7))
    with pytest.raises(UnplayableMedia, match=r"cut off: it stops after 2\d\.\d of 40\.\d s"):
        await transcode(parts, run_of(), event)
    row = await row_of(parts, event)
    assert (row["status"], row["error_code"]) == ("failed", "cut_off")


async def test_one_that_is_replaced_between_two_reads(
    parts: Parts, reads: Reads, make_long: Make, tmp_path: Path
) -> None:
    """Nothing is made of two: the next try shows the new one, all of it."""
    source, other = padded(tmp_path, make_long(*ENCODED), make_long(*ENCODED, size="240x320"))
    event = await make_queued(parts, await make_member(parts), source)
    turn = 0

    async def replace() -> None:
        nonlocal turn
        turn += 1
        if turn == 2:
            await parts.bucket.upload(event.key, other, "video/mp4")

    reads.before.append(replace)
    with pytest.raises(ObjectReplaced):
        await transcode(parts, run_of(), event)
    await transcode(parts, run_of(attempt=2), event)
    row = await row_of(parts, event)
    assert (row["status"], row["width"], row["height"]) == ("playable", 240, 320)


def padded(folder: Path, *films: Path) -> list[Path]:
    """Films of one size, as what may be sent instead of an announced one must have."""
    size = max(film.stat().st_size for film in films) + 8
    made = [folder / f"{number}.mp4" for number in range(len(films))]
    for film, path in zip(films, made, strict=True):
        free = size - film.stat().st_size
        path.write_bytes(film.read_bytes() + free.to_bytes(4, "big") + b"free" + bytes(free - 8))
    return made


async def test_a_piece_that_fails_by_the_beginning_is_made_of_the_whole(
    parts: Parts, reads: Reads, make_long: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the part that is there were not enough, against all that is known."""
    real = beginnings.PartialFile.put

    def put(file: beginnings.PartialFile, start: int, data: bytes) -> None:
        is_index = b"moov" in data
        real(file, start, data if is_index or start == 0 else bytes(len(data)))

    monkeypatch.setattr(beginnings.PartialFile, "put", put)
    event = await make_queued(parts, await make_member(parts), make_long(*ENCODED, *FRONT))
    await transcode(parts, run_of(), event)
    assert ((await row_of(parts, event))["status"], reads.wholes) == ("playable", 1)
