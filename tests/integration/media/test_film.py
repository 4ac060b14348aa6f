"""Films through their jobs: what plays first, what joins, what is left when a piece is lost."""

from __future__ import annotations

import io
from pathlib import Path

import av
import pytest

import originals
from films import finish, make_pieces, pieces_of
from ments.media.tasks import transcode
from ments.parts import Parts
from posting import list_jobs, make_member, open_api
from uploaded import files_of, id_of, make_queued, row_of, run_of


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
