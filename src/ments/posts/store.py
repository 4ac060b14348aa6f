"""Reading posts, replies and rooms; and the statements that writing them is made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from ments.accounts.model import Viewer
from ments.accounts.store import session_for
from ments.db import Session, Transaction, load_queries, write_array
from ments.db.keyset import Place, clamp_limit, decode_cursor, encode_cursor
from ments.edge.media_urls import MediaUrls
from ments.media.model import Audience, MediaStatus
from ments.parts import Parts
from ments.posts.cards import draw_card, post_of, reach_of
from ments.posts.model import (
    AttachmentDraft,
    EnvironmentView,
    Post,
    PostNotFound,
    PostView,
    ReplyPage,
)
from ments.posts.reactions import NOTHING_DONE, Overlay
from ments.posts.reactions_store import read_overlays
from ments.posts.rules import Attachable, may_see
from ments.posts.seen import find_seen_post

queries: Any = load_queries(__file__)


def cursor_secret(parts: Parts) -> str:
    """The key that seals cursors."""
    return parts.settings.secret_for("cursor")


# reading ----------------------------------------------------------------------------


async def hydrate_posts(
    session: Session,
    ids: Sequence[UUID],
    urls: MediaUrls,
    viewer_id: UUID | None,
    overlays: Mapping[UUID, Overlay] | None = None,
) -> list[PostView]:
    """Make the cards of a page of posts in the order of `ids`: one statement, and one for the reader's layer over them.

    overlays  that layer, when it was read already
    Leaves out what is deleted, and what this reader may not see (viewer_id None: is not for everybody).
    """
    if not ids:
        return []
    rows = await list_card_rows(session, ids, viewer_id)
    if overlays is None:
        overlays = await read_overlays(session, viewer_id, ids) if viewer_id else {}
    return [
        draw_card(row, urls, viewer_id, overlays.get(row["id"], NOTHING_DONE))
        for row in rows
        if may_see(viewer_id, post_of(row), reach_of(row))
    ]


async def list_card_rows(session: Session, ids: Sequence[UUID], viewer_id: UUID | None) -> list[Mapping[str, Any]]:
    """Read all that the cards of these posts are drawn from. Whether the reader may see them is for the rules."""
    rows = queries.hydrate_posts(session.connection, ids=write_array(ids), viewer_id=viewer_id)
    return [row async for row in rows]


async def read_post(parts: Parts, viewer: Viewer | None, post_id: UUID) -> PostView:
    """Read one post. Raises PostNotFound, also for one that the reader may not see."""
    async with session_for(parts, viewer) as session:
        found = await _find_card(parts, session, viewer, post_id)
    if found is None and viewer is None:
        # A link is often shared and opened before the replicas have the post.
        async with parts.primary.session() as session:
            found = await _find_card(parts, session, viewer, post_id)
    if found is None:
        raise PostNotFound("There is no such post, or it is not visible to you.")
    return found


async def _find_card(parts: Parts, session: Session, viewer: Viewer | None, post_id: UUID) -> PostView | None:
    found = await hydrate_posts(session, [post_id], parts.media_urls, viewer.id if viewer else None)
    return found[0] if found else None


async def read_replies(
    parts: Parts, viewer: Viewer | None, post_id: UUID, *, cursor: str | None = None, limit: int | None = None
) -> ReplyPage:
    """Read one page of the replies to a post, oldest first.

    cursor  of an earlier page of the same post's replies; limit  1..50, 20 when None
    Raises PostNotFound, BadCursor.
    """
    n, kind = clamp_limit(limit), f"replies:{post_id}"
    after = decode_cursor(cursor_secret(parts), kind, cursor) if cursor else Place.first()
    async with session_for(parts, viewer) as session:
        page = await _find_replies(parts, session, viewer, post_id, after, n)
    if page is None and viewer is None:
        async with parts.primary.session() as session:
            page = await _find_replies(parts, session, viewer, post_id, after, n)
    if page is None:
        raise PostNotFound("There is no such post, or it is not visible to you.")
    return page


async def _find_replies(
    parts: Parts, session: Session, viewer: Viewer | None, post_id: UUID, after: Place, n: int
) -> ReplyPage | None:
    viewer_id = viewer.id if viewer else None
    if await find_seen_post(session, viewer_id, post_id) is None:
        return None
    rows = queries.list_reply_ids(
        session.connection, parent_id=post_id, viewer_id=viewer_id, after_at=after.at, after_id=after.id, n=n + 1
    )
    places = [Place(row["sorted_at"], row["id"]) async for row in rows]
    posts = await hydrate_posts(session, [place.id for place in places[:n]], parts.media_urls, viewer_id)
    has_more = len(places) > n
    cursor = encode_cursor(cursor_secret(parts), f"replies:{post_id}", places[n - 1]) if has_more else None
    return ReplyPage(posts=posts, cursor=cursor, has_more=has_more)


async def list_environments(parts: Parts) -> list[EnvironmentView]:
    """Every room, in the order of the founding list."""
    async with parts.replica.session() as session:
        return [EnvironmentView(**row) async for row in queries.list_environments(session.connection)]


async def find_post(session: Session, post_id: UUID) -> Post | None:
    """Find what the rules need to know of a post."""
    row = await queries.find_post(session.connection, id=post_id)
    return post_of(row) if row else None


# writing ----------------------------------------------------------------------------


async def lock_post(tx: Transaction, post_id: UUID) -> Post | None:
    """Find a post, and keep others from changing it until the transaction ends."""
    row = await queries.lock_post(tx.connection, id=post_id)
    return post_of(row) if row else None


async def lock_media(tx: Transaction, media_ids: Sequence[UUID]) -> list[Attachable]:
    """Find those of the media that exist, locked, in the order of their ids."""
    if not media_ids:
        return []
    ids = list(media_ids)
    rows = [row async for row in queries.lock_media(tx.connection, ids=ids)]
    holders = {row["media_id"]: row["post_id"] async for row in queries.list_holders(tx.connection, ids=ids)}
    return [
        Attachable(
            id=row["id"],
            account_id=row["account_id"],
            status=MediaStatus(row["status"]),
            generation=row["generation"],
            post_id=holders.get(row["id"]),
        )
        for row in rows
    ]


async def insert_post(tx: Transaction, post: Post, environment_id: UUID | None) -> None:
    """Write the row of a post."""
    await queries.insert_post(
        tx.connection,
        id=post.id,
        account_id=post.account_id,
        environment_id=environment_id,
        parent_post_id=post.parent_post_id,
        content=post.content,
        visibility=post.visibility.value,
        status=post.status.value,
        followers_of=post.followers_of,
    )


async def has_environment(session: Session, environment_id: UUID) -> bool:
    """Whether there is such a room."""
    return await queries.find_environment(session.connection, id=environment_id) is not None


async def list_attached(session: Session, post_id: UUID) -> tuple[AttachmentDraft, ...]:
    """The attachments of a post with their descriptions, in their order."""
    rows = [row async for row in queries.list_attached(session.connection, post_id=post_id)]
    return tuple(AttachmentDraft(row["media_id"], row["alt_text"]) for row in rows)


async def attach(tx: Transaction, post_id: UUID, attachments: Sequence[AttachmentDraft]) -> None:
    """Make these the attachments of a post, in this order, in the place of those it had."""
    await queries.detach_media(tx.connection, post_id=post_id)
    if attachments:
        await queries.attach_media(
            tx.connection,
            post_id=post_id,
            ids=[attachment.id for attachment in attachments],
            alt_texts=[attachment.alt_text for attachment in attachments],
        )


async def widen_media(tx: Transaction, media_ids: Sequence[UUID], audience: Audience) -> None:
    """Say who must be able to fetch these media; whoever writes their outputs next will know."""
    if media_ids:
        await queries.set_media_audience(tx.connection, ids=list(media_ids), audience=audience.value)


async def release_media(tx: Transaction, media_ids: Sequence[UUID]) -> None:
    """Let the sweeper look at media that no post holds any more. Lock them before."""
    await queries.release_media(tx.connection, ids=list(media_ids))


async def list_forgotten(session: Session, *, older_than_s: float, n: int) -> list[UUID]:
    """List posts that wait although all they hold can be played, the oldest first."""
    return [row["id"] async for row in queries.list_forgotten(session.connection, older_than_s=older_than_s, n=n)]


async def publish_row(tx: Transaction, post_id: UUID) -> bool:
    """Let a waiting post appear now. False when it was not waiting."""
    return await queries.publish_post(tx.connection, id=post_id) is not None


async def update_content(tx: Transaction, post_id: UUID, content: str, *, edited: bool) -> None:
    """Change the words; `edited` when readers have seen the old ones."""
    await queries.update_content(tx.connection, id=post_id, content=content, edited=edited)


async def mark_deleted(tx: Transaction, post_id: UUID) -> None:
    """Take a post and its words away."""
    await queries.mark_deleted(tx.connection, id=post_id)


async def find_post_of_media(session: Session, media_id: UUID) -> UUID | None:
    """The post that holds an attachment."""
    found: UUID | None = await queries.find_post_of_media(session.connection, media_id=media_id)
    return found


# a write that may come twice --------------------------------------------------------


async def claim_idempotency_key(tx: Transaction, account_id: UUID, key: str, request_hash: bytes) -> bool:
    """Be the first with this key. Waits while another request with it runs; False once that one committed."""
    claimed = await queries.claim_idempotency_key(
        tx.connection, account_id=account_id, key=key, request_hash=request_hash
    )
    return claimed is not None


async def get_idempotency_key(session: Session, account_id: UUID, key: str) -> tuple[bytes, UUID]:
    """The hash of the first request with this key, and the post it made; both are there once it committed."""
    row = await queries.get_idempotency_key(session.connection, account_id=account_id, key=key)
    return bytes(row["request_hash"]), row["post_id"]


async def set_idempotency_post(tx: Transaction, account_id: UUID, key: str, post_id: UUID) -> None:
    """Remember what the first request with this key made."""
    await queries.set_idempotency_post(tx.connection, account_id=account_id, key=key, post_id=post_id)


async def forget_idempotency_keys(tx: Transaction, *, older_than_h: int) -> None:
    """Drop the keys of requests that nobody repeats any more."""
    await queries.forget_idempotency_keys(tx.connection, older_than_h=older_than_h)
