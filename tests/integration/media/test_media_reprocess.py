"""Media that an older ladder made are made anew while the old is served; what failed is tried once more."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import av
import msgspec
import pytest

import originals
from films import finish, make_ready, piece_run, pieces_of
from ments.errors import Retryable
from ments.jobs import JobDied
from ments.media import actions
from ments.media.actions import reprocess_media
from ments.media.job_events import MediaUploaded, RebuildWanted, TranscodeAgain
from ments.media.ladder import LADDER_VERSION
from ments.media.model import MediaKind, MediaStatus, UnplayableMedia
from ments.media.rebuild_rows import Chosen
from ments.media.tasks import give_up_transcode, rebuild, transcode, transcode_again
from ments.parts import Parts
from posting import Member, list_jobs, make_media, make_member
from uploaded import files_of, id_of, make_queued, row_of, run_of, set_row

OLDER = "ladder_version = 0"


async def accept(parts: Parts, chosen: Chosen, **how: Any) -> list[UUID]:
    return [one.id async for batch in reprocess_media(parts, chosen, **how) for one in batch.media]


async def run_rebuilds(parts: Parts) -> int:
    """Run the jobs of all rebuilds until none follows; returns how many ran."""
    ran = 0
    while len(wanted := await list_jobs(parts, "rebuild")) > ran:
        for payload in wanted[ran:]:
            await rebuild(parts, piece_run("rebuild", f"rebuild-{ran}"), msgspec.convert(payload, RebuildWanted))
            ran += 1
    return ran


async def make_film(parts: Parts, owner: Member, path: Path, *, size: str = "640x480") -> MediaUploaded:
    event = await make_queued(parts, owner, originals.make_video(path, size=size, seconds=1))
    await make_ready(parts, event)
    return event


async def test_an_older_film_is_made_anew_and_served_all_the_while(parts: Parts, tmp_path: Path) -> None:
    event = await make_film(parts, await make_member(parts), tmp_path / "a.mp4")
    before = await row_of(parts, event)
    assert before["ladder_version"] == LADDER_VERSION
    assert await accept(parts, Chosen()) == []
    await set_row(parts, event, OLDER)
    assert await accept(parts, Chosen()) == [id_of(event)]
    assert await accept(parts, Chosen()) == []  # a job waits for it
    (payload,) = await list_jobs(parts, "rebuild")
    wanted = msgspec.convert(payload, RebuildWanted)
    await rebuild(parts, piece_run("rebuild"), wanted)
    during = await row_of(parts, event)
    assert [during[name] for name in ("status", "generation", "hls_file")] == ["ready", "s1", "master.m3u8"]
    assert await run_rebuilds(parts) == 4  # the first one, run again, left it to the next
    row = await row_of(parts, event)
    assert (row["status"], row["generation"], row["ladder_version"], row["progress"]) == ("ready", "s2", 1, 1.0)
    same = ("hls_file", "storyboard_file", "preview_file", "poster_file", "blurhash", "width", "height", "duration_s")
    assert {name: row[name] for name in same} == {name: before[name] for name in same}
    assert row["deadline_at"] is not None  # the sweeper comes for what is not served any more
    assert {piece["number"] for piece in await pieces_of(parts, id_of(event))} == {2}
    files = await files_of(parts, event)
    kept = {name.removeprefix("s1/") for name in files if name.startswith("s1/")}
    assert {"master.m3u8", "video.mp4", "poster.jpg"} < kept
    assert {"master.m3u8", "video.mp4", "poster.jpg", "storyboard.vtt"} < {
        name.removeprefix("s2/") for name in files if name.startswith("s2/")
    }
    assert len(await list_jobs(parts, "place_captions")) == 0
    assert await accept(parts, Chosen()) == []


async def test_a_long_film_that_is_kept_is_made_anew_in_its_two_parts(parts: Parts, tmp_path: Path) -> None:
    source = originals.make_video(
        tmp_path / "a.mp4", size="320x240", seconds=26, rate=10, more=("-g", "20", "-preset", "veryfast")
    )
    event = await make_queued(parts, await make_member(parts), source)
    await make_ready(parts, event)
    assert [piece["name"] for piece in await pieces_of(parts, id_of(event))] == ["copy-000", "copy-001"]
    await set_row(parts, event, OLDER)
    assert await accept(parts, Chosen()) == [id_of(event)]
    assert await run_rebuilds(parts) == 4
    row = await row_of(parts, event)
    assert (row["status"], row["generation"], row["error_code"]) == ("ready", "s2", None)
    with av.open(str(source)) as before:
        wanted = [bytes(packet) for packet in before.demux(video=0)]
    for generation in ("s1", "s2"):
        path = tmp_path / f"{generation}.mp4"
        assert await parts.bucket.download(f"media/{id_of(event)}/{generation}/video.mp4", path)
        with av.open(str(path)) as after:
            assert [bytes(packet) for packet in after.demux(video=0)] == wanted


async def test_old_outputs_are_swept_and_a_public_film_stays_public(parts: Parts, tmp_path: Path) -> None:
    event = await make_film(parts, await make_member(parts), tmp_path / "a.mp4")
    await actions.publish_audience(parts, id_of(event))
    assert (await row_of(parts, event))["generation"] == "p2"
    await set_row(parts, event, OLDER)
    await accept(parts, Chosen())
    await run_rebuilds(parts)
    assert (await row_of(parts, event))["generation"] == "p3"
    # Adopted media are kept by no post of ours; as a stand-in for one that is attached.
    await set_row(parts, event, f"deadline_at = now() - interval '1 s', original_key = 'media/{id_of(event)}/original'")
    await actions.sweep_media(parts)
    folders = {name.split("/")[0] for name in await files_of(parts, event)}
    assert folders == {"original", "p3"}


async def test_photos_and_sounds_are_made_anew_in_one_job(parts: Parts, tmp_path: Path) -> None:
    mara = await make_member(parts)
    photo = await make_queued(parts, mara, originals.make_photo(tmp_path / "a.jpg"))
    sound = await make_queued(parts, mara, originals.make_sound(tmp_path / "a.m4a", seconds=1))
    for event in (photo, sound):
        await transcode(parts, run_of(str(uuid4())), event)
        await set_row(parts, event, OLDER)
    assert await accept(parts, Chosen(kind=MediaKind.PHOTO)) == [id_of(photo)]
    assert await accept(parts, Chosen()) == [id_of(sound)]
    assert await run_rebuilds(parts) == 2
    for event in (photo, sound):
        row = await row_of(parts, event)
        assert (row["status"], row["generation"], row["ladder_version"]) == ("ready", "s2", LADDER_VERSION)
        assert {f"s2/{variant['file']}" for variant in row["variants"]} <= set(await files_of(parts, event))


async def test_a_rebuild_that_died_leaves_the_old_and_nothing_else(parts: Parts, tmp_path: Path) -> None:
    event = await make_film(parts, await make_member(parts), tmp_path / "a.mp4")
    await set_row(parts, event, OLDER)
    await accept(parts, Chosen())
    wanted = msgspec.convert((await list_jobs(parts, "rebuild"))[0], RebuildWanted)
    await rebuild(parts, piece_run("rebuild"), wanted)
    wanted = msgspec.convert((await list_jobs(parts, "rebuild"))[1], RebuildWanted)
    await rebuild(parts, piece_run("rebuild"), wanted)
    assert any(name.startswith("s2/") for name in await files_of(parts, event))
    died = JobDied(uuid4(), "ladder", "rebuild", "poison", "killed", msgspec.to_builtins(wanted))
    await give_up_transcode(parts, piece_run("give_up_transcode"), died)
    assert {piece["number"] for piece in await pieces_of(parts, id_of(event))} == {1}
    row = await row_of(parts, event)
    assert (row["generation"], row["status"], row["attempt_generation"]) == ("s1", "ready", 3)
    await set_row(parts, event, f"deadline_at = now() - interval '1 s', original_key = 'media/{id_of(event)}/original'")
    await actions.sweep_media(parts)
    assert not any(name.startswith("s2/") for name in await files_of(parts, event))
    # A run of the dead job that still goes on begins anew, under a number of its own.
    await rebuild(parts, piece_run("rebuild"), wanted)
    assert {piece["number"] for piece in await pieces_of(parts, id_of(event))} == {1, 4}


async def test_a_film_that_is_published_meanwhile_is_begun_anew(parts: Parts, tmp_path: Path) -> None:
    event = await make_film(parts, await make_member(parts), tmp_path / "a.mp4")
    await set_row(parts, event, OLDER)
    await accept(parts, Chosen())
    for index in range(2):
        wanted = msgspec.convert((await list_jobs(parts, "rebuild"))[index], RebuildWanted)
        await rebuild(parts, piece_run("rebuild"), wanted)
    await actions.publish_audience(parts, id_of(event))
    assert (await row_of(parts, event))["generation"] == "p3"
    for index in range(2, 7):
        wanted = msgspec.convert((await list_jobs(parts, "rebuild"))[index], RebuildWanted)
        await rebuild(parts, piece_run("rebuild"), wanted)
        if index + 1 == len(await list_jobs(parts, "rebuild")):
            break
    row = await row_of(parts, event)
    assert (row["generation"], row["ladder_version"], row["audience"]) == ("p4", LADDER_VERSION, "public")
    assert {piece["number"] for piece in await pieces_of(parts, id_of(event))} == {4}


async def test_media_that_are_just_being_opened_wait(parts: Parts, tmp_path: Path) -> None:
    event = await make_film(parts, await make_member(parts), tmp_path / "a.mp4")
    await set_row(parts, event, f"{OLDER}, audience = 'public'")
    with pytest.raises(Retryable, match="opened"):
        await rebuild(parts, piece_run("rebuild"), RebuildWanted(id_of(event)))


async def test_media_that_are_opened_while_their_original_is_looked_at_wait_too(parts: Parts, tmp_path: Path) -> None:
    """Otherwise the copy that everybody waits for would be worthless."""
    event = await make_film(parts, await make_member(parts), tmp_path / "a.mp4")
    await set_row(parts, event, OLDER)
    number = (await row_of(parts, event))["attempt_generation"]
    real = parts.bucket.head

    async def head(bucket: Any, key: str) -> Any:
        await set_row(parts, event, "audience = 'public'")
        return await real(key)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(parts.bucket), "head", head)
        with pytest.raises(Retryable, match="opened"):
            await rebuild(parts, piece_run("rebuild"), RebuildWanted(id_of(event)))
    assert (await row_of(parts, event))["attempt_generation"] == number


async def test_without_its_original_a_film_stays_as_it_is(parts: Parts, tmp_path: Path) -> None:
    event = await make_film(parts, await make_member(parts), tmp_path / "a.mp4")
    await set_row(parts, event, OLDER)
    before = await row_of(parts, event)
    await parts.bucket.delete(event.key)
    with pytest.raises(UnplayableMedia, match="not in storage"):
        await rebuild(parts, piece_run("rebuild"), RebuildWanted(id_of(event)))
    assert await row_of(parts, event) == before


async def test_what_failed_is_tried_once_more(parts: Parts, tmp_path: Path) -> None:
    mara = await make_member(parts)
    event = await make_queued(parts, mara, originals.make_video(tmp_path / "a.mp4", size="320x240", seconds=1))
    await set_row(parts, event, "status = 'failed', error_code = 'died', error_text = 'Something went wrong.'")
    assert await accept(parts, Chosen()) == []
    failed = Chosen(MediaStatus.FAILED, below=None)
    assert await accept(parts, failed) == [id_of(event)]
    assert await accept(parts, failed) == []
    row = await row_of(parts, event)
    assert (row["status"], row["error_code"], row["error_text"]) == ("queued", None, None)
    (payload,) = await list_jobs(parts, "transcode_again")
    await transcode_again(parts, piece_run("transcode_again", row["job_id"]), msgspec.convert(payload, TranscodeAgain))
    await finish(parts)
    row = await row_of(parts, event)
    assert (row["status"], row["ladder_version"]) == ("ready", LADDER_VERSION)


async def test_choices_are_bounded_and_those_named_are_made_whatever_their_ladder(parts: Parts) -> None:
    mara = await make_member(parts)
    media = sorted([await make_media(parts, mara.viewer) for _ in range(5)])
    yesterday = datetime(2020, 1, 1, tzinfo=UTC)
    assert await accept(parts, Chosen(made_before=yesterday)) == []
    assert await accept(parts, Chosen(), dry_run=True) == media
    assert await accept(parts, Chosen(), limit=2) == media[:2]
    assert await accept(parts, Chosen(), limit=2) == media[2:4]
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("update media set ladder_version = %s", (LADDER_VERSION,))
    assert await accept(parts, Chosen()) == []
    assert await accept(parts, Chosen(ids=(media[0], media[4]), below=None)) == [media[4]]
    jobs = await list_jobs(parts, "rebuild")
    assert [job["forced"] for job in jobs] == [False] * 4 + [True]
    async with parts.primary.session() as session:
        rows = await session.connection.execute("select distinct rank from jobs where task = 'rebuild'")
        assert [row["rank"] async for row in rows] == [512]
