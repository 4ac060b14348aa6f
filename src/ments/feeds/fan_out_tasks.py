"""Queue entries of home timelines."""

from __future__ import annotations

from ments.feeds import fan_out, self_audit
from ments.feeds.live_hub import TOPIC
from ments.jobs import JobContext, periodic, task
from ments.parts import Parts
from ments.posts.model import PostPublished
from ments.relationships.model import Followed, Unfollowed


@task(queue="default", name="fan_out", attempts=8, backoff_s=1.0)
async def push_post(parts: Parts, job: JobContext, event: PostPublished) -> int:
    """Bring a new post to its author's followers, and tell the processes that have screens to show it on."""
    reached = await fan_out.fan_out(parts, event.post_id)
    await parts.heard.tell(TOPIC, event.post_id.bytes)
    return reached


@task(queue="default", name="remake_home_after_follow", attempts=8, backoff_s=1.0)
async def remake_after_follow(parts: Parts, job: JobContext, event: Followed) -> None:
    """Let what the followed wrote before come into the timeline; a reader who comes sooner sees to it."""
    await fan_out.drop_home(parts, event.follower_id)


@task(queue="default", name="remake_home_after_unfollow", attempts=8, backoff_s=1.0)
async def remake_after_unfollow(parts: Parts, job: JobContext, event: Unfollowed) -> None:
    """Make room in the timeline; what is in it of the account that is not followed any more is not shown already."""
    await fan_out.drop_home(parts, event.follower_id)


@periodic(every_s=60, name="feeds.self_audit")
async def audit_feeds(parts: Parts) -> None:
    """Compare some of what lies ready with plain SQL, and repair it."""
    await self_audit.audit_timelines(parts)
    await self_audit.audit_pages(parts)


PERIODIC = [audit_feeds]
