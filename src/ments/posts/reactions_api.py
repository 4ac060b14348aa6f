"""Likes, reposts, bookmarks, votes, reports and hashtags over HTTP, as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from uuid import UUID

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from ments.accounts.model import Viewer
from ments.parts import Parts
from ments.posts import polls_actions, post_lists
from ments.posts import reactions_actions as actions
from ments.posts.polls import Voted
from ments.posts.post_lists import PostPage
from ments.posts.reactions import Bookmarked, Liked, Reposted

_OK = HTTPStatus.OK


@post("/api/posts/{post_id:uuid}/like", summary="Like a post", tags=["reactions"], status_code=_OK)
async def like(parts: NamedDependency[Parts], member: NamedDependency[Viewer], post_id: FromPath[UUID]) -> Liked:
    """Answer `{liked: true, likes}`; twice is once."""
    return await actions.like_post(parts, member, post_id, liked=True)


@delete("/api/posts/{post_id:uuid}/like", summary="Take a like back", tags=["reactions"], status_code=_OK)
async def unlike(parts: NamedDependency[Parts], member: NamedDependency[Viewer], post_id: FromPath[UUID]) -> Liked:
    """Answer `{liked: false, likes}`, also when there was none."""
    return await actions.like_post(parts, member, post_id, liked=False)


@post("/api/posts/{post_id:uuid}/repost", summary="Repost a public post", tags=["reactions"], status_code=_OK)
async def repost(parts: NamedDependency[Parts], member: NamedDependency[Viewer], post_id: FromPath[UUID]) -> Reposted:
    """Answer `{reposted: true, reposts}`; twice is once."""
    return await actions.repost_post(parts, member, post_id, reposted=True)


@delete("/api/posts/{post_id:uuid}/repost", summary="Take a repost back", tags=["reactions"], status_code=_OK)
async def unrepost(parts: NamedDependency[Parts], member: NamedDependency[Viewer], post_id: FromPath[UUID]) -> Reposted:
    """Answer `{reposted: false, reposts}`, also when there was none."""
    return await actions.repost_post(parts, member, post_id, reposted=False)


@post("/api/posts/{post_id:uuid}/bookmark", summary="Keep a post in one's list", tags=["reactions"], status_code=_OK)
async def bookmark(
    parts: NamedDependency[Parts], member: NamedDependency[Viewer], post_id: FromPath[UUID]
) -> Bookmarked:
    """Answer `{bookmarked: true}`; only the account itself can see its list."""
    return await actions.bookmark_post(parts, member, post_id, bookmarked=True)


@delete("/api/posts/{post_id:uuid}/bookmark", summary="Drop a bookmark", tags=["reactions"], status_code=_OK)
async def unbookmark(
    parts: NamedDependency[Parts], member: NamedDependency[Viewer], post_id: FromPath[UUID]
) -> Bookmarked:
    """Answer `{bookmarked: false}`, also when there was none."""
    return await actions.bookmark_post(parts, member, post_id, bookmarked=False)


@get("/api/bookmarks", summary="List one's bookmarks", tags=["reactions"])
async def bookmarks(
    parts: NamedDependency[Parts],
    member: NamedDependency[Viewer],
    cursor: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
) -> PostPage:
    """Answer with one page of posts, the newest bookmark first."""
    return await post_lists.read_bookmarks(parts, member, cursor=cursor, limit=limit)


@dataclass(frozen=True, slots=True)
class VoteBody:
    """What is chosen: one option, or several where the poll takes several."""

    option_ids: tuple[UUID, ...]


@post("/api/posts/{post_id:uuid}/vote", summary="Vote in a poll", tags=["reactions"], status_code=_OK)
async def vote(
    parts: NamedDependency[Parts], member: NamedDependency[Viewer], post_id: FromPath[UUID], data: JSONBody[VoteBody]
) -> Voted:
    """Answer `{votes, poll}` with the results. A vote is final: another ballot is answered 409, the same one as the first."""
    return await polls_actions.vote(parts, member, post_id, data.option_ids)


@dataclass(frozen=True, slots=True)
class ReportBody:
    """Why a post should be looked at."""

    reason: str
    details: str | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """The report is with the operators."""

    reported: bool = True


@post("/api/posts/{post_id:uuid}/report", summary="Report a post", tags=["reactions"])
async def report(
    parts: NamedDependency[Parts], member: NamedDependency[Viewer], post_id: FromPath[UUID], data: JSONBody[ReportBody]
) -> Reported:
    """Answer 201, and 409 to a second report by the same account."""
    await actions.report_post(parts, member, post_id, data.reason, data.details or "")
    return Reported()


@get("/api/hashtags/{tag:str}/posts", summary="List the posts with a hashtag", tags=["posts"], public=True)
async def tagged(
    parts: NamedDependency[Parts],
    viewer: NamedDependency[Viewer | None],
    tag: FromPath[str],
    cursor: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
) -> PostPage:
    """Answer with one page of public posts, newest first; the tag in any case, without its #."""
    return await post_lists.read_tagged(parts, viewer, tag, cursor=cursor, limit=limit)


ROUTES = [like, unlike, repost, unrepost, bookmark, unbookmark, bookmarks, vote, report, tagged]
