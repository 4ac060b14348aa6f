"""Queue entries of posts."""

from __future__ import annotations

from ments.jobs import JobContext, periodic, task
from ments.media.job_events import MediaFinished, MediaForPost, MediaPlayable
from ments.parts import Parts
from ments.posts import actions, counters


@task(queue="default", name="publish_waiting", attempts=8, backoff_s=1.0)
async def publish_waiting(parts: Parts, job: JobContext, event: MediaPlayable) -> None:
    """Let a post appear once the last of its attachments can be played."""
    await actions.publish_waiting(parts, event.media_id)


@task(queue="default", name="attach_adopted", attempts=8, backoff_s=1.0)
async def attach_adopted(parts: Parts, job: JobContext, event: MediaForPost) -> None:
    """Let a post show what a producer outside made for it."""
    await actions.attach_adopted(parts, event.media_id, event.post_id)


@task(queue="default", name="tell_media_finished", attempts=5, backoff_s=1.0)
async def tell_media_finished(parts: Parts, job: JobContext, event: MediaFinished) -> None:
    """Let pages that were cached while a film was being made be drawn anew."""
    await actions.tell_media_finished(parts, event.media_id)


@periodic(every_s=30, name="posts.publish_forgotten")
async def publish_forgotten(parts: Parts) -> None:
    """Let posts appear whose `publish_waiting` was lost: with Valkey's data, or after its last try."""
    await actions.publish_forgotten(parts)


@periodic(every_s=1, name="posts.fold_counts", timeout_s=30)
async def fold_counts(parts: Parts) -> None:
    """Fold what was added to counts since a second ago into the rows that they are read from."""
    await counters.fold_counts(parts.primary)


@periodic(every_s=3600, name="posts.forget_idempotency_keys")
async def forget_idempotency_keys(parts: Parts) -> None:
    """Drop the keys of requests that nobody repeats any more."""
    await actions.forget_idempotency_keys(parts)


PERIODIC = [publish_forgotten, fold_counts, forget_idempotency_keys]
