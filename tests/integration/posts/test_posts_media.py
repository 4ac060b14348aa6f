"""A post with media: it waits, appears when all can be played, says what failed, and lets go of what it held."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from ments.errors import NotFound
from ments.media.job_events import MediaPlayable
from ments.parts import Parts
from ments.posts import actions, store
from ments.posts.model import (
    AttachmentDraft,
    NewPost,
    PostChange,
    PostPublishedAlready,
    ShownStatus,
    Visibility,
)
from ments.posts.tasks import forget_idempotency_keys, publish_forgotten, publish_waiting
from posting import fetch_row, job_of, list_jobs, make_media, make_member, open_api, set_media


async def playable(parts: Parts, media_id: UUID) -> None:
    await publish_waiting(parts, job_of("publish_waiting"), MediaPlayable(media_id))


async def test_a_post_waits_for_its_media_and_then_appears(parts: Parts) -> None:
    mara, other = await make_member(parts), await make_member(parts)
    one = await make_media(parts, mara.viewer, status="processing", generation=None)
    two = await make_media(parts, mara.viewer, status="uploading", generation=None)
    new = NewPost(media=(AttachmentDraft(one, "A logger"), AttachmentDraft(two)))
    post = await actions.create_post(parts, mara.viewer, new)
    assert post.status is ShownStatus.WAITING
    assert post.published_at is None
    assert [m.media_url for m in post.media] == [None, None]
    # The worker reads this when it starts writing outputs, so nothing is done twice.
    assert (await fetch_row(parts, "select audience from media where id = %s", one))["audience"] == "public"
    for viewer in (None, other.viewer):
        with pytest.raises(NotFound):
            await store.read_post(parts, viewer, post.id)
    await set_media(parts, one, status="playable", generation="p1")
    await playable(parts, one)
    assert (await store.read_post(parts, mara.viewer, post.id)).status is ShownStatus.WAITING
    await set_media(parts, two, status="playable", generation="p1")
    await asyncio.gather(*(playable(parts, media_id) for media_id in (one, two, two)))
    seen = await store.read_post(parts, None, post.id)
    assert seen.status is ShownStatus.PUBLISHED
    assert seen.published_at is not None
    assert seen.published_at > seen.created_at
    assert seen.media[0].media_url == f"/p/{one}/p1/720p.mp4"
    assert seen.media[0].media_thumbnail == f"/p/{one}/p1/poster.jpg"
    assert seen.media[0].alt_text == "A logger"
    assert [m.filename for m in seen.media] == [None, None]
    published = [job for job in await list_jobs(parts, "purge_after_publish") if job["post_id"] == str(post.id)]
    assert len(published) == 1


async def test_media_that_was_finished_in_private_is_asked_for_in_public(parts: Parts) -> None:
    mara = await make_member(parts)
    media_id = await make_media(parts, mara.viewer, status="ready", generation="s1")
    post = await actions.create_post(parts, mara.viewer, NewPost(media_ids=(media_id,)))
    assert post.status is ShownStatus.WAITING
    assert post.media[0].media_url is not None
    assert post.media[0].media_url.startswith("/m/")
    row = await fetch_row(
        parts,
        "select count(*) from jobs where payload->>'media_id' = %s and task <> 'publish_waiting'",
        str(media_id),
    )
    assert row["count"] == 1
    await playable(parts, media_id)
    assert (await store.read_post(parts, mara.viewer, post.id)).status is ShownStatus.WAITING
    await set_media(parts, media_id, status="ready", generation="p2")
    await playable(parts, media_id)
    assert (await store.read_post(parts, None, post.id)).media[0].media_url == f"/p/{media_id}/p2/720p.mp4"


async def test_a_private_post_keeps_its_media_behind_signatures(parts: Parts) -> None:
    mara, other = await make_member(parts), await make_member(parts)
    media_id = await make_media(parts, mara.viewer, status="ready", generation="s1")
    new = NewPost(media_ids=(media_id,), visibility=Visibility.PRIVATE)
    post = await actions.create_post(parts, mara.viewer, new)
    assert post.status is ShownStatus.PUBLISHED
    assert (post.media[0].media_url or "").startswith("/m/1.")
    assert (await fetch_row(parts, "select audience from media where id = %s", media_id))["audience"] == "private"
    for viewer in (None, other.viewer):
        with pytest.raises(NotFound):
            await store.read_post(parts, viewer, post.id)


async def test_a_failure_is_told_to_the_author_who_can_go_on_without_or_replace(parts: Parts) -> None:
    mara = await make_member(parts)
    broken = await make_media(parts, mara.viewer, status="processing", generation=None)
    fine = await make_media(parts, mara.viewer, status="ready", generation="p1")
    post = await actions.create_post(parts, mara.viewer, NewPost(media_ids=(broken, fine)))
    await set_media(parts, broken, status="failed", generation=None)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "update media set error_code = 'unplayable', error_text = 'Stops after 2.0 of 9.0 s.' where id = %s",
            (broken,),
        )
    failed = await store.read_post(parts, mara.viewer, post.id)
    assert failed.status is ShownStatus.FAILED
    assert failed.media[0].error is not None
    assert failed.media[0].error.message == "Stops after 2.0 of 9.0 s."
    assert failed.media[0].filename == "clip.mov"

    better = await make_media(parts, mara.viewer, status="queued", generation=None)
    replaced = await actions.change_post(parts, mara.viewer, post.id, PostChange(media_ids=(better, fine)))
    assert replaced.status is ShownStatus.WAITING
    assert [m.id for m in replaced.media] == [better, fine]
    without = await actions.change_post(parts, mara.viewer, post.id, PostChange(media_ids=(fine,)))
    assert without.status is ShownStatus.PUBLISHED
    assert without.edited_at is None
    assert [m.id for m in (await store.read_post(parts, None, post.id)).media] == [fine]
    with pytest.raises(PostPublishedAlready):
        await actions.change_post(parts, mara.viewer, post.id, PostChange(media_ids=(fine, better)))
    edited = await actions.change_post(
        parts, mara.viewer, post.id, PostChange(content="Words", media=(AttachmentDraft(fine, "A lake"),))
    )
    assert edited.edited_at is not None
    assert edited.media[0].alt_text == "A lake"


async def test_a_deleted_post_lets_go_of_its_words_and_media(parts: Parts) -> None:
    mara = await make_member(parts)
    media_id = await make_media(parts, mara.viewer)
    post = await actions.create_post(parts, mara.viewer, NewPost(content="Secret", media_ids=(media_id,)))
    async with open_api(parts) as api:
        url = f"/api/posts/{post.id}"
        assert [(await api.delete(url, headers=mara.headers)).status_code for _ in range(2)] == [204, 204]
    row = await fetch_row(parts, "select status, content from posts where id = %s", post.id)
    assert row == {"status": "deleted", "content": ""}
    deleted = [job for job in await list_jobs(parts, "purge_after_delete") if job["post_id"] == str(post.id)]
    assert [job["media_ids"] for job in deleted] == [[str(media_id)]]
    await playable(parts, media_id)


async def test_a_waiting_reply_is_counted_when_it_appears(parts: Parts) -> None:
    mara = await make_member(parts)
    post = await actions.create_post(parts, mara.viewer, NewPost(content="Ask"))
    media_id = await make_media(parts, mara.viewer, status="processing", generation=None)
    reply = await actions.create_post(
        parts, mara.viewer, NewPost(content="See", media_ids=(media_id,), parent_post_id=post.id)
    )
    assert (await store.read_post(parts, mara.viewer, post.id)).replies == 0
    assert (await store.read_replies(parts, None, post.id)).posts == []
    await set_media(parts, media_id, status="playable", generation="p1")
    await playable(parts, media_id)
    assert (await store.read_post(parts, mara.viewer, post.id)).replies == 1
    await actions.delete_post(parts, mara.viewer, reply.id)
    assert (await store.read_post(parts, mara.viewer, post.id)).replies == 0


async def test_a_waiting_post_whose_job_was_lost_appears(parts: Parts) -> None:
    """Valkey lost what the outbox had sent, or the job used up its tries: nothing but the rows is left."""
    mara = await make_member(parts)
    done = await make_media(parts, mara.viewer, status="processing", generation=None)
    private = await make_media(parts, mara.viewer, status="ready", generation="s1")
    broken = await make_media(parts, mara.viewer, status="processing", generation=None)
    busy = await make_media(parts, mara.viewer, status="processing", generation=None)
    waiting = [
        await actions.create_post(parts, mara.viewer, NewPost(media_ids=media_ids))
        for media_ids in ((done,), (private,), (broken,), (busy,))
    ]
    await set_media(parts, done, status="ready", generation="p1")
    await set_media(parts, broken, status="failed", generation=None)

    async def shown() -> list[ShownStatus]:
        return [(await store.read_post(parts, mara.viewer, post.id)).status for post in waiting]

    still = [ShownStatus.WAITING, ShownStatus.WAITING, ShownStatus.FAILED, ShownStatus.WAITING]
    await publish_forgotten(parts)
    assert await shown() == still  # its job has a minute first
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("update posts set created_at = created_at - interval '2 minutes'")
    await asyncio.gather(*(publish_forgotten(parts) for _ in range(2)))
    assert await shown() == [ShownStatus.PUBLISHED, *still[1:]]
    published = [job for job in await list_jobs(parts, "purge_after_publish") if job["post_id"] == str(waiting[0].id)]
    assert len(published) == 1


async def test_released_media_are_on_the_sweepers_list(parts: Parts) -> None:
    """The job that erases them may be lost; the deadline of settled media was taken away long ago."""
    mara = await make_member(parts)
    kept, taken, deleted = [await make_media(parts, mara.viewer) for _ in range(3)]
    busy = await make_media(parts, mara.viewer, status="processing", generation=None)
    post = await actions.create_post(parts, mara.viewer, NewPost(media_ids=(kept, taken)))
    other = await actions.create_post(parts, mara.viewer, NewPost(media_ids=(deleted, busy)))
    await actions.change_post(parts, mara.viewer, post.id, PostChange(media_ids=(kept,)))
    await actions.delete_post(parts, mara.viewer, other.id)
    due = {
        media_id: (await fetch_row(parts, "select deadline_at is not null as due from media where id = %s", media_id))[
            "due"
        ]
        for media_id in (kept, taken, deleted, busy)
    }
    # What is still being prepared has a deadline of its own, which is not touched.
    assert due == {kept: False, taken: True, deleted: True, busy: False}


async def test_old_keys_are_forgotten(parts: Parts) -> None:
    mara = await make_member(parts)
    for key in ("old", "young"):
        await actions.create_post(parts, mara.viewer, NewPost(content="x"), idempotency_key=key)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "update idempotency_keys set created_at = now() - interval '25 hours' where account_id = %s and key = 'old'",
            (mara.viewer.id,),
        )
    await forget_idempotency_keys(parts)
    row = await fetch_row(
        parts, "select array_agg(key) as keys from idempotency_keys where account_id = %s", mara.viewer.id
    )
    assert row["keys"] == ["young"]
