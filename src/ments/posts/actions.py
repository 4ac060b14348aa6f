"""The verbs of posts: each is one transaction.

Locks are taken in one order everywhere (a post, its media by id), so no two writers wait in a ring; what is counted in
another's row is a line of its own (`counters`). `media` locks a row of media alone, before it says that something can be played.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID, uuid4

import msgspec
import structlog

from ments.accounts.model import Viewer
from ments.db import Transaction
from ments.errors import Retryable
from ments.media.job_events import MediaReleased, PublicAudienceWanted
from ments.media.model import Audience
from ments.observe import report_error
from ments.parts import Parts
from ments.posts import counters, hashtags_store, polls_store, rules, store
from ments.posts.model import (
    AttachmentDraft,
    IdempotencyKeyReused,
    NewPost,
    NotTheAuthor,
    Post,
    PostChange,
    PostChanged,
    PostDeleted,
    PostNotFound,
    PostPublished,
    PostPublishedAlready,
    PostRefused,
    PostStatus,
    PostView,
)
from ments.posts.seen import find_seen_post

_KEY_MAX = 255
_KEY_LIFE_H = 24
# Longer than the job's own tries in ordinary trouble.
_FORGOTTEN_AFTER_S = 60.0
_FORGOTTEN_AT_ONCE = 200
log = structlog.get_logger()


async def create_post(parts: Parts, author: Viewer, new: NewPost, *, idempotency_key: str | None = None) -> PostView:
    """Write a post; it appears at once, or when the last of its attachments can be played.

    idempotency_key  the same key with the same request gives the post that the first one made

    Raises PostRefused naming the field, PostNotFound for a parent that the author may not see,
    IdempotencyKeyReused for a key that came with another request.
    """
    draft = rules.tidy_new(new)
    request_hash = hashlib.sha256(msgspec.json.encode(new, order="sorted")).digest()
    async with parts.primary.transaction() as tx:
        if idempotency_key is not None:
            made = await _made_before(tx, author.id, idempotency_key, request_hash)
            if made is not None:
                post_id = made
            else:
                post_id = await _write(parts, tx, author, draft)
                await store.set_idempotency_post(tx, author.id, idempotency_key, post_id)
        else:
            post_id = await _write(parts, tx, author, draft)
    return await store.read_post(parts, author, post_id)


async def _made_before(tx: Transaction, account_id: UUID, key: str, request_hash: bytes) -> UUID | None:
    if not 1 <= len(key) <= _KEY_MAX or not key.isprintable():
        raise PostRefused(
            "Idempotency-Key", "idempotency_key_malformed", f"An Idempotency-Key has 1 to {_KEY_MAX} characters."
        )
    if await store.claim_idempotency_key(tx, account_id, key, request_hash):
        return None
    first_hash, post_id = await store.get_idempotency_key(tx, account_id, key)
    if first_hash != request_hash:
        raise IdempotencyKeyReused("This Idempotency-Key came with another request before. Use a new one.")
    return post_id


async def _write(parts: Parts, tx: Transaction, author: Viewer, new: NewPost) -> UUID:
    if new.environment_id is not None and not await store.has_environment(tx, new.environment_id):
        raise PostRefused("environment_id", "environment_unknown", "There is no such environment.")
    parent = await _find_parent(tx, author, new)
    visibility = rules.narrower_of(new.visibility, parent.visibility) if parent else new.visibility
    audience = rules.audience_of(visibility)
    post_id = uuid4()
    media_ids = [attachment.id for attachment in new.media]
    found = await store.lock_media(tx, media_ids)
    rules.check_attachable(media_ids, found, author.id, post_id)
    status = PostStatus.PUBLISHED if rules.are_playable(found, audience) else PostStatus.WAITING
    circle = rules.circle_of(visibility, parent)
    post = Post(post_id, author.id, new.parent_post_id, new.content, visibility, status, circle)
    await store.insert_post(tx, post, new.environment_id)
    if new.poll is not None:
        await polls_store.insert_poll(tx, post.id, new.poll)
    await store.attach(tx, post.id, new.media)
    await _open_media(parts, tx, found, audience)
    if status is PostStatus.PUBLISHED:
        await _announce(parts, tx, post)
    return post.id


async def _find_parent(tx: Transaction, author: Viewer, new: NewPost) -> Post | None:
    if new.parent_post_id is None:
        return None
    parent = await find_seen_post(tx, author.id, new.parent_post_id)
    if parent is None:
        raise PostNotFound("The post that you answer does not exist, or is not visible to you.")
    if parent.status is PostStatus.WAITING:
        raise PostRefused("parent_post_id", "parent_waiting", "The post that you answer has not appeared yet.")
    return parent


async def _open_media(parts: Parts, tx: Transaction, found: Sequence[rules.Attachable], audience: Audience) -> None:
    """Let a public post's attachments be fetched by everybody.

    What is not finished will be written under the right letter, or moved to it when it is finished: `media`
    reads the audience under the same row lock. What is finished already is asked for here.
    """
    if audience is Audience.PRIVATE:
        return
    await store.widen_media(tx, [media.id for media in found], audience)
    for media in found:
        if media.status.is_playable and not media.is_playable_for(audience):
            await parts.outbox.emit(tx, PublicAudienceWanted(media.id))


async def _announce(parts: Parts, tx: Transaction, post: Post) -> None:
    await counters.add_replies(tx, post.parent_post_id, post.visibility, 1)
    await hashtags_store.write_hashtags(tx, post)
    await parts.outbox.emit(tx, PostPublished(post_id=post.id, author_id=post.account_id))


async def change_post(parts: Parts, viewer: Viewer, post_id: UUID, change: PostChange) -> PostView:
    """Change the words, the descriptions, or (while it waits) the attachments of one's own post.

    A list without a failed attachment lets the rest appear ("post without it"); attachments that leave are released.
    Raises PostNotFound, NotTheAuthor, PostRefused, PostPublishedAlready.
    """
    async with parts.primary.transaction() as tx:
        post = await _lock_own(tx, viewer, post_id)
        before = await store.list_attached(tx, post_id)
        poll = await polls_store.find_poll(tx, post_id)
        content, after = rules.apply_change(post.content, before, change, poll.question if poll else "")
        ids, ids_before = [a.id for a in after], {a.id for a in before}
        added = [media_id for media_id in ids if media_id not in ids_before]
        if added and post.status is PostStatus.PUBLISHED:
            raise PostPublishedAlready("Readers have seen this post; attachments can be taken away, not added.")
        found = await store.lock_media(tx, sorted(ids_before | set(ids)))
        rules.check_attachable(ids, found, viewer.id, post_id)
        if content != post.content:
            await store.update_content(tx, post_id, content, edited=post.status is PostStatus.PUBLISHED)
            post = replace(post, content=content)
        if after != before:
            await store.attach(tx, post_id, after)
            await _release(parts, tx, ids_before - set(ids))
        kept = [media for media in found if media.id in ids]
        audience = rules.audience_of(post.visibility)
        await _open_media(parts, tx, [media for media in kept if media.id in added], audience)
        if post.status is PostStatus.PUBLISHED:
            await hashtags_store.write_hashtags(tx, post)
            await parts.outbox.emit(tx, PostChanged(post_id=post_id, author_id=viewer.id))
        elif rules.are_playable(kept, audience) and await store.publish_row(tx, post_id):
            await _announce(parts, tx, post)
    return await store.read_post(parts, viewer, post_id)


async def delete_post(parts: Parts, viewer: Viewer, post_id: UUID) -> None:
    """Take one's own post away, with its words and attachments; its replies stay. Again: nothing happens.

    Raises PostNotFound, NotTheAuthor.
    """
    async with parts.primary.transaction() as tx:
        found = await store.lock_post(tx, post_id)
        if found is not None and found.status is PostStatus.DELETED and found.account_id == viewer.id:
            return
        post = await _lock_own(tx, viewer, post_id)
        media_ids = {attachment.id for attachment in await store.list_attached(tx, post_id)}
        await store.lock_media(tx, sorted(media_ids))
        await store.attach(tx, post_id, ())
        await store.mark_deleted(tx, post_id)
        await polls_store.blank_poll(tx, post_id)
        await hashtags_store.write_hashtags(tx, replace(post, content=""))
        await _release(parts, tx, media_ids)
        if post.status is PostStatus.PUBLISHED:
            await counters.add_replies(tx, post.parent_post_id, post.visibility, -1)
        await parts.outbox.emit(
            tx, PostDeleted(post_id=post_id, author_id=viewer.id, media_ids=tuple(sorted(media_ids)))
        )


async def publish_waiting(parts: Parts, media_id: UUID) -> None:
    """Let the post that holds these media appear, when all of its attachments can be played. Again: nothing."""
    async with parts.primary.transaction() as tx:
        post_id = await store.find_post_of_media(tx, media_id)
        if post_id is not None:
            await _publish_if_playable(parts, tx, post_id)


async def attach_adopted(parts: Parts, media_id: UUID, post_id: UUID) -> None:
    """Let a post show media that a producer outside made for it: as its last, if there is room. Again: nothing.

    Only the author's own are attached, so no post shows what is another's.
    Raises Retryable while the copy that everybody may fetch is being made.
    """
    async with parts.primary.transaction() as tx:
        post = await store.lock_post(tx, post_id)
        if post is None or post.status is PostStatus.DELETED:
            return
        before = await store.list_attached(tx, post_id)
        if media_id in {attachment.id for attachment in before}:
            return
        found = await store.lock_media(tx, sorted({media_id, *(attachment.id for attachment in before)}))
        if not rules.has_room_for(post, before, found, media_id):
            log.warning("adopted_not_attached", post_id=str(post_id), media_id=str(media_id))
            return
        adopted = [media for media in found if media.id == media_id]
        audience = rules.audience_of(post.visibility)
        await _open_media(parts, tx, adopted, audience)
        can_be_shown = rules.are_playable(adopted, audience)
        if can_be_shown:
            await store.attach(tx, post_id, [*before, AttachmentDraft(media_id, "")])
            if post.status is PostStatus.PUBLISHED:
                await parts.outbox.emit(tx, PostChanged(post_id=post_id, author_id=post.account_id))
            elif rules.are_playable(found, audience) and await store.publish_row(tx, post_id):
                await _announce(parts, tx, post)
    if not can_be_shown:
        raise Retryable("What this post is to show is being opened to everybody.", code="opening")


async def publish_forgotten(parts: Parts) -> int:
    """Let posts appear whose job was lost; returns how many did. What fails does not stand in the way of the rest."""
    async with parts.primary.session() as session:
        forgotten = await store.list_forgotten(session, older_than_s=_FORGOTTEN_AFTER_S, n=_FORGOTTEN_AT_ONCE)
    published = 0
    for post_id in forgotten:
        try:
            async with parts.primary.transaction() as tx:
                appeared = await _publish_if_playable(parts, tx, post_id)
        except Exception as error:
            log.exception("post_not_published", post_id=str(post_id))
            report_error(error, post_id=str(post_id))
            continue
        if appeared:
            published += 1
            log.warning("post_published_late", post_id=str(post_id))
    return published


async def _publish_if_playable(parts: Parts, tx: Transaction, post_id: UUID) -> bool:
    post = await store.lock_post(tx, post_id)
    if post is None or post.status is not PostStatus.WAITING:
        return False
    attached = await store.list_attached(tx, post.id)
    found = await store.lock_media(tx, [attachment.id for attachment in attached])
    if not rules.are_playable(found, rules.audience_of(post.visibility)) or not await store.publish_row(tx, post.id):
        return False
    await _announce(parts, tx, post)
    return True


async def _lock_own(tx: Transaction, viewer: Viewer, post_id: UUID) -> Post:
    """Lock a post of one's own. Whoever else may see it is told that it is not theirs; for others there is none."""
    await store.lock_post(tx, post_id)
    post = await find_seen_post(tx, viewer.id, post_id)
    if post is None:
        raise PostNotFound("There is no such post, or it is not visible to you.")
    if post.account_id != viewer.id:
        raise NotTheAuthor("Only its author may change a post.")
    return post


async def _release(parts: Parts, tx: Transaction, media_ids: set[UUID]) -> None:
    if media_ids:
        await store.release_media(tx, sorted(media_ids))
        await parts.outbox.emit(tx, MediaReleased(media_ids=tuple(sorted(media_ids))))


async def forget_idempotency_keys(parts: Parts) -> None:
    """Drop keys a day old: nobody repeats a request later than that."""
    async with parts.primary.transaction() as tx:
        await store.forget_idempotency_keys(tx, older_than_h=_KEY_LIFE_H)


async def tell_media_finished(parts: Parts, media_id: UUID) -> None:
    """Say that a published post shows more than before: its film is ready. Again: once more, which does no harm."""
    async with parts.primary.transaction() as tx:
        post_id = await store.find_post_of_media(tx, media_id)
        post = await store.find_post(tx, post_id) if post_id else None
        if post is not None and post.status is PostStatus.PUBLISHED:
            await parts.outbox.emit(tx, PostChanged(post_id=post.id, author_id=post.account_id))
