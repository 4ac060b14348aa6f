"""Originals that a producer outside put into storage: whose they become, what is made of them, and what is left alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

import originals
from ments.errors import Permanent, Retryable
from ments.media.job_events import MediaForPost, MediaReleased, MediaUploaded, PublicAudienceWanted
from ments.media.model import UnplayableMedia
from ments.media.tasks import erase, publish_audience, sweep, transcode
from ments.parts import Parts
from ments.posts.tasks import attach_adopted
from posting import Member, fetch_row, job_of, list_jobs, make_member, open_api
from uploaded import files_of, make_queued, run_of


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return originals.make_sound(tmp_path / "small.m4a", seconds=0.5)


@pytest_asyncio.fixture
async def key(parts: Parts, small: Path) -> AsyncIterator[str]:
    """An original of a key of its own in storage."""
    name = f"posts/{uuid4()}/original.mp4"
    await parts.bucket.upload(name, small, "video/mp4")
    yield name
    await parts.bucket.delete(name)


async def make_operator(parts: Parts) -> Member:
    member = await make_member(parts)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("update accounts set is_admin = true where id = %s", (member.viewer.id,))
    return member


async def make_post(parts: Parts, author: Member, visibility: str = "public") -> UUID:
    async with open_api(parts) as api:
        made = await api.post("/api/posts", json={"content": "Soon.", "visibility": visibility}, headers=author.headers)
    return UUID(made.json()["id"])


async def media_row(parts: Parts) -> dict[str, Any]:
    """The row of the only media."""
    assert (await fetch_row(parts, "select count(*) as n from media"))["n"] == 1
    return await fetch_row(parts, "select * from media")


async def show(parts: Parts, post_id: UUID) -> list[dict[str, Any]]:
    """What a visitor sees in the post."""
    async with open_api(parts) as api:
        shown: list[dict[str, Any]] = (await api.get(f"/api/posts/{post_id}")).json()["media"]
    return shown


def named(key: str, post_id: UUID) -> MediaUploaded:
    return MediaUploaded(key, {"postId": str(post_id)})


async def test_the_oldest_operator_owns_what_is_for_nobodys_post(parts: Parts, key: str) -> None:
    with pytest.raises(Permanent, match="Nobody can own"):
        await transcode(parts, run_of(), MediaUploaded(key))
    await make_member(parts)
    operator = await make_operator(parts)
    await make_operator(parts)
    for opts in ({}, {"postId": "123"}, {"postId": str(uuid4())}):
        told = await transcode(parts, run_of(str(uuid4())), MediaUploaded(key, opts))
        assert told["status"] == "ready"
    row = await media_row(parts)
    assert (row["account_id"], row["audience"], row["generation"]) == (operator.viewer.id, "private", "s1")
    assert (row["filename"], row["original_key"]) == ("original.mp4", key)


async def test_two_jobs_at_once_make_one(parts: Parts, key: str) -> None:
    await make_operator(parts)
    told = await asyncio.gather(*(transcode(parts, run_of(str(uuid4())), MediaUploaded(key)) for _ in range(3)))
    assert {one["media_id"] for one in told} == {str((await media_row(parts))["id"])}
    assert sorted(one["status"] for one in told)[-1] == "ready"
    assert len(await list_jobs(parts, "publish_waiting")) == 1


async def test_another_object_at_the_same_key_is_another_original(parts: Parts, key: str, tmp_path: Path) -> None:
    await make_operator(parts)
    first = await transcode(parts, run_of("job-1"), MediaUploaded(key))
    await parts.bucket.upload(key, originals.make_sound(tmp_path / "b.m4a", seconds=1), "video/mp4")
    second = await transcode(parts, run_of("job-2"), MediaUploaded(key))
    assert first["media_id"] != second["media_id"]
    assert first["duration_s"] < 0.9 < second["duration_s"]


async def test_one_that_is_replaced_while_it_is_prepared(
    parts: Parts, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_operator(parts)
    other = originals.make_sound(tmp_path / "b.m4a", seconds=1)
    real = parts.bucket.head

    async def replaced(name: str) -> Any:
        head = await real(name)
        await parts.bucket.upload(key, other, "video/mp4")
        return head

    monkeypatch.setattr(type(parts.bucket), "head", lambda bucket, name: replaced(name))
    with pytest.raises(Retryable, match="another file"):
        await transcode(parts, run_of(), MediaUploaded(key))
    monkeypatch.undo()
    assert (await transcode(parts, run_of(attempt=2), MediaUploaded(key)))["duration_s"] > 0.9
    # The first is nobody's any more; the sweeper ends it, once the ledger has no job of it.
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("update media set deadline_at = now() - interval '1 s' where status = 'processing'")
    await sweep(parts)
    row = await fetch_row(parts, "select * from media where status <> 'ready'")
    assert (row["status"], row["error_code"]) == ("failed", "never_finished")


async def test_a_public_post_shows_it_without_a_copy(parts: Parts, key: str) -> None:
    author = await make_member(parts)
    post_id = await make_post(parts, author)
    for _ in range(2):
        await transcode(parts, run_of(str(uuid4())), named(key, post_id))
    row = await media_row(parts)
    assert (row["account_id"], row["audience"], row["generation"]) == (author.viewer.id, "public", "p1")
    wanted = {"media_id": str(row["id"]), "post_id": str(post_id)}
    assert await list_jobs(parts, "attach_adopted") == [wanted, wanted]
    assert await show(parts, post_id) == []
    for _ in range(2):
        await attach_adopted(parts, job_of("attach_adopted"), MediaForPost(row["id"], post_id))
    (shown,) = await show(parts, post_id)
    assert shown["media_url"] == f"/p/{row['id']}/p1/audio.m4a"
    # The page that was cached before is purged.
    assert len(await list_jobs(parts, "purge_after_change")) == 1


async def test_a_private_posts_video_stays_private(parts: Parts, key: str) -> None:
    author = await make_member(parts)
    post_id = await make_post(parts, author, "private")
    await transcode(parts, run_of(), named(key, post_id))
    row = await media_row(parts)
    await attach_adopted(parts, job_of("attach_adopted"), MediaForPost(row["id"], post_id))
    assert (row["audience"], row["generation"]) == ("private", "s1")
    async with open_api(parts) as api:
        assert (await api.get(f"/api/posts/{post_id}")).status_code == 404
        (mine,) = (await api.get(f"/api/posts/{post_id}", headers=author.headers)).json()["media"]
    assert mine["media_url"].startswith("/m/1.")


async def test_no_key_makes_one_members_media_anothers(parts: Parts, key: str, small: Path) -> None:
    mara, eve = await make_member(parts), await make_member(parts)
    hers, eves = await make_post(parts, mara, "private"), await make_post(parts, eve)
    await transcode(parts, run_of("job-1"), named(key, hers))
    media = await media_row(parts)
    # The same object for another's post: it stays what it is, and that post does not show it.
    told = await transcode(parts, run_of("job-2"), named(key, eves))
    assert told["media_id"] == str(media["id"])
    await attach_adopted(parts, job_of("attach_adopted"), MediaForPost(media["id"], eves))
    assert await show(parts, eves) == []
    # An upload of hers by its own key: transcoded for her, for nobody's post; and its files are no originals.
    upload = await make_queued(parts, mara, small)
    await transcode(parts, run_of("job-3"), named(upload.key, eves))
    assert len(await list_jobs(parts, "attach_adopted")) == 2
    made = [file for file in await files_of(parts, upload) if file.endswith("m4a")]
    with pytest.raises(Permanent, match="ments keeps itself"):
        await transcode(parts, run_of("job-4"), named(f"media/{upload.key.split('/')[1]}/{made[0]}", eves))
    rows = await fetch_row(parts, "select count(*) as n from media where account_id = %s", eve.viewer.id)
    assert rows["n"] == 0


async def test_a_post_that_is_full_or_gone_shows_no_more(parts: Parts, key: str, small: Path) -> None:
    author = await make_member(parts)
    full, gone = await make_post(parts, author), await make_post(parts, author)
    async with parts.primary.transaction() as tx:
        for position in range(4):
            await tx.connection.execute(
                "with made as (insert into media (id, account_id, status, filename, generation) "
                "values (gen_random_uuid(), %s, 'ready', 'x', 'p1') returning id) "
                "insert into post_media (post_id, media_id, position) select %s, id, %s from made",
                (author.viewer.id, full, position),
            )
    await transcode(parts, run_of(), named(key, full))
    row = await fetch_row(parts, "select * from media where original_key is not null")
    async with open_api(parts) as api:
        await api.delete(f"/api/posts/{gone}", headers=author.headers)
    for post_id in (full, gone, uuid4()):
        await attach_adopted(parts, job_of("attach_adopted"), MediaForPost(row["id"], post_id))
    held = await fetch_row(parts, "select count(*) as n from post_media where media_id = %s", row["id"])
    assert held["n"] == 0


async def test_a_post_waits_for_the_copy_that_everybody_may_fetch(parts: Parts, key: str) -> None:
    """It was adopted for nobody's post, and its owner's public post is named later."""
    operator = await make_operator(parts)
    await transcode(parts, run_of("job-1"), MediaUploaded(key))
    post_id = await make_post(parts, operator)
    await transcode(parts, run_of("job-2"), named(key, post_id))
    event = MediaForPost((await media_row(parts))["id"], post_id)
    with pytest.raises(Retryable, match="being opened"):
        await attach_adopted(parts, job_of("attach_adopted"), event)
    # What it asked for was rolled back by nothing.
    assert await list_jobs(parts, "publish_audience") == [{"media_id": str(event.media_id)}]
    await publish_audience(parts, job_of("publish_audience"), PublicAudienceWanted(event.media_id))
    await attach_adopted(parts, job_of("attach_adopted", attempt=2), event)
    (shown,) = await show(parts, post_id)
    assert shown["media_url"].startswith(f"/p/{event.media_id}/p2/")


async def test_the_original_is_never_touched_and_what_was_made_goes_with_its_post(parts: Parts, key: str) -> None:
    author = await make_member(parts)
    post_id = await make_post(parts, author)
    await transcode(parts, run_of("job-1"), named(key, post_id))
    row = await media_row(parts)

    async def made() -> int:
        return len(await parts.bucket.list_objects(f"media/{row['id']}/"))

    # A day later no post of ours holds it, but one of its producer's may: it stays.
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("update media set deadline_at = now() - interval '1 s'")
    await sweep(parts)
    assert ((await media_row(parts))["status"], await made()) == ("ready", 2)
    await erase(parts, job_of("erase_media"), MediaReleased((row["id"],)))
    assert ((await media_row(parts))["status"], await made()) == ("erased", 0)
    assert await parts.bucket.head(key) is not None
    # Its key is free again.
    assert (await transcode(parts, run_of("job-2"), named(key, post_id)))["media_id"] != str(row["id"])


async def test_a_broken_one_fails_with_words_and_is_looked_at_again_when_asked(
    parts: Parts, key: str, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_operator(parts)

    async def refused(*words: Any, **more: Any) -> Any:
        raise UnplayableMedia("Part of this file is damaged.", code="damaged")

    with monkeypatch.context() as broken:
        broken.setattr("ments.media.render.encode_audio", refused)
        for _ in range(2):
            with pytest.raises(UnplayableMedia, match="damaged"):
                await transcode(parts, run_of("job-1"), MediaUploaded(key))
    assert (await media_row(parts))["attempt_generation"] == 1
    assert (await transcode(parts, run_of("job-2"), MediaUploaded(key)))["status"] == "ready"
    assert (await media_row(parts))["error_text"] is None
