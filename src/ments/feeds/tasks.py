"""Queue entries of feeds: what a reader sees first changes at once."""

from __future__ import annotations

from ments.feeds.shared import first_page_keys
from ments.jobs import JobContext, task
from ments.parts import Parts
from ments.posts.model import PostChanged, PostDeleted, PostPublished


@task(queue="default", name="purge_after_publish")
async def purge_after_publish(parts: Parts, job: JobContext, event: PostPublished) -> None:
    """Show a new post in the first page."""
    await parts.pages.purge(*first_page_keys())


@task(queue="default", name="purge_after_change")
async def purge_after_change(parts: Parts, job: JobContext, event: PostChanged) -> None:
    """Show the new words in the first page."""
    await parts.pages.purge(*first_page_keys())


@task(queue="default", name="purge_after_delete")
async def purge_after_delete(parts: Parts, job: JobContext, event: PostDeleted) -> None:
    """Take a deleted post from the first page; later pages end by themselves within a second."""
    await parts.pages.purge(*first_page_keys())
