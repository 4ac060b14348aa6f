"""Queue entries of feeds: what a reader sees first changes at once, and what its author sees at all."""

from __future__ import annotations

from uuid import UUID

from ments.cache.kept import tell_changed
from ments.feeds.shared import first_page_keys
from ments.jobs import JobContext, task
from ments.parts import Parts
from ments.posts.model import PostChanged, PostDeleted, PostPublished


@task(queue="default", name="purge_after_publish")
async def purge_after_publish(parts: Parts, job: JobContext, event: PostPublished) -> None:
    """Show a new post in the first page."""
    await _show_anew(parts, event.author_id)


@task(queue="default", name="purge_after_change")
async def purge_after_change(parts: Parts, job: JobContext, event: PostChanged) -> None:
    """Show the new words in the first page."""
    await _show_anew(parts, event.author_id)


@task(queue="default", name="purge_after_delete")
async def purge_after_delete(parts: Parts, job: JobContext, event: PostDeleted) -> None:
    """Take a deleted post from the first page; later pages end by themselves within a second."""
    await _show_anew(parts, event.author_id)


async def _show_anew(parts: Parts, author_id: UUID) -> None:
    await parts.pages.purge(*first_page_keys())
    await tell_changed(parts.heard, author_id)
