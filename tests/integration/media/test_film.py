"""Films through their jobs: what plays first, what joins, what is left when a piece is lost."""

from __future__ import annotations

import asyncio
import io
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import msgspec
import pytest

import ments.media.actions.assemble as assembling
import ments.media.actions.pieces as making
import originals
from films import finish, make_pieces, piece_run, pieces_of
from ments.jobs import JobDied
from ments.media.actions.originals import let_original_go
from ments.media.job_events import (
    FirstPieceWanted,
    MediaReleased,
    MediaUploaded,
    PiecesStored,
    PieceWanted,
    PublicAudienceWanted,
)
from ments.media.model import UnplayableMedia
from ments.media.playlists import parse_media_playlist
from ments.media.tasks import (
    assemble,
    encode_first,
    encode_piece,
    erase,
    give_up_transcode,
    publish_audience,
    sweep,
    transcode,
)
from ments.parts import Parts
from posting import job_of, list_jobs, make_member, open_api
from uploaded import files_of, id_of, make_queued, row_of, run_of, set_row


async def test_a_clip_plays_first_and_becomes_ready_with_all_of_its_rungs(parts: Parts, tmp_path: Path) -> None:
    mara = await make_member(parts)
    event = await make_queued(parts, mara, originals.make_video(tmp_path / "a.mp4", size="854x480", seconds=3))
    told = await transcode(parts, run_of(), event)
    assert told["status"] == "playable"
    row = await row_of(parts, event)
    assert (row["status"], row["generation"], row["width"], row["height"]) == ("playable", "s1", 854, 480)
    assert (row["poster_file"], row["progress"]) == ("poster.jpg", pytest.approx(0.2))
    assert row["blurhash"]
    assert [
        (piece["name"], piece["rungs"], piece["result"] is None) for piece in await pieces_of(parts, id_of(event))
    ] == [
        ("first-000", ["v240", "a128"], False),
        ("ladder-000", ["v480"], True),
    ]
    async with open_api(parts) as api:
        address = f"/api/media/{id_of(event)}"
        shown = (await api.get(address, headers=mara.headers)).json()
        assert (shown["hls_url"], shown["media_url"]) == (f"{address}/playlist.m3u8", None)
        assert shown["poster_url"].startswith("/m/")
        master = (await api.get(shown["hls_url"], headers=mara.headers)).text
        assert "v240.m3u8" in master
        assert "v480" not in master
        line = (await api.get(f"{address}/playlists/v240.m3u8", headers=mara.headers)).text
        assert f"/{id_of(event)}/s1/v240-c000-1-00000.m4s" in line
        assert "#EXT-X-ENDLIST" in line
        assert (await api.get(shown["hls_url"])).status_code == 404
    await finish(parts)
    row = await row_of(parts, event)
    assert (row["status"], row["progress"], row["generation"], row["hls_file"]) == ("ready", 1.0, "s1", "master.m3u8")
    assert [variant["file"] for variant in row["variants"]] == ["video.mp4"]
    assert (row["storyboard_file"], row["preview_file"]) == ("storyboard.vtt", "preview.webp")
    files = await files_of(parts, event)
    assert {f"s1/{name}" for name in ("master.m3u8", "v240.m3u8", "v480.m3u8", "a128.m3u8", "video.mp4")} < set(files)
    assert not [name for name in files if name.endswith(".in")]
    path = tmp_path / "video.mp4"
    await parts.bucket.download(f"media/{id_of(event)}/s1/video.mp4", path)
    with av.open(io.BytesIO(path.read_bytes())) as container:
        assert sum(1 for _ in container.decode(video=0)) == 90
        assert container.streams.video[0].width == 854
        assert len(container.streams.audio) == 1
    async with open_api(parts) as api:
        shown = (await api.get(address, headers=mara.headers)).json()
        assert shown["hls_url"].endswith("/s1/master.m3u8")
        assert shown["media_url"].endswith("/s1/video.mp4")
        moved = await api.get(f"{address}/playlist.m3u8", headers=mara.headers)
        assert (moved.status_code, moved.headers["location"]) == (302, shown["hls_url"])


async def test_jobs_that_come_twice_change_nothing(parts: Parts, tmp_path: Path) -> None:
    event = await make_queued(
        parts,
        await make_member(parts),
        originals.make_video(tmp_path / "a.mp4", size="640x480", seconds=1, sound=False),
    )
    await transcode(parts, run_of(), event)
    await make_pieces(parts)
    await make_pieces(parts)
    assert len(await list_jobs(parts, "assemble")) == 1
    await finish(parts)
    row, files = await row_of(parts, event), await files_of(parts, event)
    await finish(parts)
    assert (await row_of(parts, event), await files_of(parts, event)) == (row, files)
    assert (row["status"], row["error_code"]) == ("ready", None)
    assert not [name for name in files if "a128" in name]


@pytest.mark.parametrize(
    ("pictures_s", "late_s", "sound_s"),
    [(3, 0, 10), (10, 0, 17), (4, 5, 9)],
    ids=["ends-early", "later", "begins-late"],
)
async def test_a_film_whose_sound_goes_on_without_pictures_becomes_ready(
    parts: Parts, tmp_path: Path, pictures_s: int, late_s: int, sound_s: int
) -> None:
    picture = ("-itsoffset", str(late_s), "-f", "lavfi", "-i", f"testsrc2=s=320x240:r=25:d={pictures_s}")
    tone = ("-f", "lavfi", "-i", f"sine=d={sound_s}", "-c:a", "aac")
    # Pixels that few can show, so that it is encoded.
    encoder = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p")
    originals.ffmpeg(*picture, *tone, *encoder, str(tmp_path / "a.mp4"))
    event = await make_queued(parts, await make_member(parts), tmp_path / "a.mp4")
    await transcode(parts, run_of(), event)
    assert [piece["name"] for piece in await pieces_of(parts, id_of(event))] == ["first-000"]
    await finish(parts)
    row = await row_of(parts, event)
    assert (row["status"], row["error_code"], row["error_text"]) == ("ready", None, None)
    path = tmp_path / "video.mp4"
    await parts.bucket.download(f"media/{id_of(event)}/s1/video.mp4", path)
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 25 * pictures_s
        assert float(container.duration or 0) / 1e6 == pytest.approx(sound_s, abs=0.15)


@pytest.fixture
def in_chunks(parts: Parts) -> Parts:
    """The same parts, with films cut into chunks of 8 s."""
    return replace(parts, settings=replace(parts.settings, media_chunk_s=8))


@pytest.fixture(scope="session")
def long_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """28 s, so three chunks of 8 s, the last with a rest; small and slow. Tests only read it."""
    return originals.make_video(tmp_path_factory.mktemp("long") / "a.mp4", size="320x286", seconds=28, rate=10)


async def test_a_long_film_is_cut_and_plays_before_all_of_it_is_there(
    in_chunks: Parts, tmp_path: Path, long_film: Path
) -> None:
    parts, mara = in_chunks, await make_member(in_chunks)
    event = await make_queued(parts, mara, long_film)
    await transcode(parts, run_of(), event)
    names = [piece["name"] for piece in await pieces_of(parts, id_of(event))]
    assert names == [*(f"first-00{n}" for n in range(4)), *(f"ladder-00{n}" for n in range(3))]
    address = f"/api/media/{id_of(event)}"
    async with open_api(parts) as api:
        line = (await api.get(f"{address}/playlists/v240.m3u8", headers=mara.headers)).text
        assert line.count("#EXTINF") == 1
        assert "#EXT-X-PLAYLIST-TYPE:EVENT" in line
        assert "ENDLIST" not in line
        seen = [(await api.get(address, headers=mara.headers)).json()]
        for name in names[1:]:
            await make_piece(parts, event, name)
            seen.append((await api.get(address, headers=mara.headers)).json())
            longer = (await api.get(f"{address}/playlists/v240.m3u8", headers=mara.headers)).text
            if "ENDLIST" not in longer:
                # What a client has read stays as it was.
                assert longer.startswith(line.split("/m/")[0])
        assert longer.count("#EXTINF") == 7
        assert "v286" in (await api.get(f"{address}/playlist.m3u8", headers=mara.headers)).text
        progress = [shown["progress"] for shown in seen]
        assert progress == sorted(progress)
        assert {shown["status"] for shown in seen} == {"playable"}
        assert [one["name"] for one in seen[0]["renditions"]] == ["240p", "286p"]
        assert seen[-1]["renditions"] == [{"name": "240p", "progress": 1.0}, {"name": "286p", "progress": 1.0}]
        assert seen[1]["eta_s"] > 0
    await finish(parts)
    row = await row_of(parts, event)
    assert (row["status"], row["error_code"]) == ("ready", None)
    path = tmp_path / "video.mp4"
    await parts.bucket.download(f"media/{id_of(event)}/s1/video.mp4", path)
    with av.open(str(path)) as container:
        times = [frame.pts for frame in container.decode(video=0)]
        assert len(times) == 280
        assert times == sorted(set(times))
        assert float(container.duration or 0) / 1e6 == pytest.approx(28, abs=0.1)


async def make_piece(parts: Parts, event: MediaUploaded, name: str) -> None:
    """Run one piece's job."""
    number = (await row_of(parts, event))["pieces_number"]
    if name.startswith("first"):
        await encode_first(parts, piece_run("encode_first"), FirstPieceWanted(id_of(event), number, name))
    else:
        await encode_piece(parts, piece_run("encode_piece"), PieceWanted(id_of(event), number, name))


async def test_a_piece_ends_also_when_a_cancellation_is_lost(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the client of Valkey does at times: then the piece was made, and never stored."""
    event = await make_queued(
        parts, await make_member(parts), originals.make_video(tmp_path / "a.mp4", size="426x362", seconds=2)
    )
    await transcode(parts, run_of(), event)

    async def tell_piece(*words: Any) -> None:
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.5)

    monkeypatch.setattr(making, "tell_piece", tell_piece)
    monkeypatch.setattr(making, "_TELL_S", 0.001)
    async with asyncio.timeout(30):
        await make_piece(parts, event, "ladder-000")
    assert all(piece["result"] for piece in await pieces_of(parts, id_of(event)))


async def test_posted_in_the_middle_all_of_it_is_for_everybody(in_chunks: Parts, long_film: Path) -> None:
    parts, mara = in_chunks, await make_member(in_chunks)
    event = await make_queued(parts, mara, long_film)
    await transcode(parts, run_of(), event)
    await make_piece(parts, event, "first-001")
    await publish_audience(parts, job_of("publish_audience"), PublicAudienceWanted(id_of(event)))
    assert (await row_of(parts, event))["generation"] == "p2"
    await set_row(parts, event, "generation = 's1'")  # as a piece saw it that was being stored meanwhile
    await make_piece(parts, event, "first-002")
    await set_row(parts, event, "generation = 'p2'")
    await finish(parts)
    row = await row_of(parts, event)
    assert (row["status"], row["generation"], row["hls_file"]) == ("ready", "p2", "master.m3u8")
    await set_row(parts, event, "deadline_at = now() - interval '1 s', original_key = 'x'")
    await sweep(parts)
    files = await files_of(parts, event)
    assert {name.split("/")[0] for name in files} == {"original", "p2"}
    for name in ("v240", "v286", "a128"):
        playlist = await parts.bucket.read_bytes(f"media/{id_of(event)}/p2/{name}.m3u8")
        assert playlist is not None
        listed = parse_media_playlist("\n".join(line for line in playlist.decode().split("\n") if "MAP" not in line))
        assert sum(segment.length_s for segment in listed.segments) == pytest.approx(28, abs=0.1)
        assert {f"p2/{segment.file}" for segment in listed.segments} < set(files)


async def test_posted_while_it_is_joined(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The film is moved between what is stored of the end and its commit: the end is made again, where it is now."""
    event = await make_queued(
        parts, await make_member(parts), originals.make_video(tmp_path / "a.mp4", size="320x180", seconds=1)
    )
    await transcode(parts, run_of(), event)
    real = assembling.rows.finish_film
    moved = []

    async def finish_film(*words: Any) -> Any:
        if not moved:
            moved.append(True)
            await publish_audience(parts, job_of("publish_audience"), PublicAudienceWanted(id_of(event)))
        return await real(*words)

    monkeypatch.setattr(assembling.rows, "finish_film", finish_film)
    await finish(parts)
    row = await row_of(parts, event)
    assert (row["status"], row["generation"]) == ("ready", "p2")
    assert "p2/video.mp4" in await files_of(parts, event)


@pytest.mark.parametrize(
    ("lost", "status", "code"), [("ladder-001", "ready", "not_all_sizes"), ("first-001", "failed", "damaged")]
)
async def test_without_a_piece_that_died_the_rest_is_served(
    in_chunks: Parts, long_film: Path, lost: str, status: str, code: str
) -> None:
    parts, mara = in_chunks, await make_member(in_chunks)
    event = await make_queued(parts, mara, long_film)
    await transcode(parts, run_of(), event)
    rows = {piece["name"]: piece for piece in await pieces_of(parts, id_of(event))}
    died = JobDied(rows[lost]["job_id"], "media", rows[lost]["name"], "poison", "It died.")
    task = encode_first if lost.startswith("first") else encode_piece
    for _ in range(2):
        await give_up_transcode(parts, job_of("give_up"), replace(died, queue=task.queue, task=task.name))
    if status == "ready":
        await finish(parts)
    else:
        with pytest.raises(UnplayableMedia):
            await finish(parts)
    row = await row_of(parts, event)
    assert (row["status"], row["error_code"]) == (status, code)
    assert "could not be prepared" in row["error_text"]
    if status == "ready":
        master = await parts.bucket.read_bytes(f"media/{id_of(event)}/s1/master.m3u8")
        assert b"v240" in (master or b"")
        assert b"v286" not in (master or b"")
        assert (row["width"], row["height"]) == (268, 240)


async def test_a_film_that_no_job_goes_on_with_is_finished_with_what_there_is(parts: Parts, tmp_path: Path) -> None:
    mara = await make_member(parts)
    event = await make_queued(parts, mara, originals.make_video(tmp_path / "a.mp4", size="426x362", seconds=1))
    await transcode(parts, run_of(), event)
    await set_row(parts, event, "deadline_at = now() - interval '1 s'")
    await sweep(parts)
    assert await list_jobs(parts, "assemble") == []
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("update jobs set state = 'discarded'")
        await tx.connection.execute("update media set deadline_at = now() - interval '1 s'")
    await sweep(parts)
    for payload in await list_jobs(parts, "assemble"):
        await assemble(parts, piece_run("assemble"), msgspec.convert(payload, PiecesStored))
    row = await row_of(parts, event)
    assert (row["status"], row["width"], row["error_code"]) == ("ready", 282, "not_all_sizes")


async def test_erased_in_the_middle_nothing_of_it_stays(parts: Parts, tmp_path: Path) -> None:
    event = await make_queued(
        parts, await make_member(parts), originals.make_video(tmp_path / "a.mp4", size="426x362", seconds=1)
    )
    await transcode(parts, run_of(), event)
    real = parts.bucket.upload
    erased = []

    async def upload(bucket: Any, key: str, *words: Any) -> Any:
        if not erased:
            erased.append(True)
            await erase(parts, job_of("erase_media"), MediaReleased((id_of(event),)))
        return await real(key, *words)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(parts.bucket), "upload", upload)
        await make_pieces(parts)
    assert erased
    assert await files_of(parts, event) == []
    assert (await row_of(parts, event))["status"] == "erased"
    assert await list_jobs(parts, "assemble") == []


async def test_erased_before_it_is_fetched_no_job_fails(parts: Parts, tmp_path: Path) -> None:
    """The original goes between a job's look at it and its download: the first time under the transcode, then a piece."""
    mara = await make_member(parts)
    real, erased = parts.bucket.download, []

    async def download(bucket: Any, key: str, path: Path, **words: Any) -> Any:
        erased.append(key)
        await erase(parts, job_of("erase_media"), MediaReleased((id_of(event),)))
        return await real(key, path, **words)

    for begun in (False, True):
        event = await make_queued(parts, mara, originals.make_video(tmp_path / "a.mp4", size="426x362", seconds=1))
        if begun:
            await transcode(parts, run_of(), event)
            head = await parts.bucket.head(event.key)
            assert head is not None
            await let_original_go(parts, id_of(event), head)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(type(parts.bucket), "download", download)
            if begun:
                await make_pieces(parts)
            else:
                await transcode(parts, run_of(), event)
        assert len(erased) == 1 + begun
        assert await files_of(parts, event) == []
        assert (await row_of(parts, event))["status"] == "erased"
    assert await list_jobs(parts, "assemble") == []


async def test_pictures_that_every_browser_plays_are_kept(parts: Parts, tmp_path: Path) -> None:
    """What plays first is the original itself, cut into segments; only the smaller sizes are encoded."""
    mara = await make_member(parts)
    source = originals.make_video(
        tmp_path / "a.mp4", size="854x480", seconds=9, rate=15, more=("-g", "30", "-preset", "veryfast", "-b:v", "600k")
    )
    event = await make_queued(parts, mara, source)
    await transcode(parts, run_of(), event)
    row = await row_of(parts, event)
    assert (row["status"], row["width"], row["poster_file"]) == ("playable", 854, "poster.jpg")
    assert [(piece["name"], piece["rungs"]) for piece in await pieces_of(parts, id_of(event))] == [
        ("copy-000", ["v480", "a128"]),
        ("ladder-000", ["v240"]),
    ]
    async with open_api(parts) as api:
        line = await api.get(f"/api/media/{id_of(event)}/playlists/v480.m3u8", headers=mara.headers)
        assert "#EXT-X-ENDLIST" in line.text
    await finish(parts)
    row = await row_of(parts, event)
    assert (row["status"], row["width"], row["error_code"]) == ("ready", 854, None)
    path = tmp_path / "video.mp4"
    await parts.bucket.download(f"media/{id_of(event)}/s1/video.mp4", path)
    with av.open(str(source)) as before, av.open(str(path)) as after:
        assert [bytes(packet) for packet in after.demux(video=0)] == [bytes(packet) for packet in before.demux(video=0)]
