"""Profiles, and who follows, blocks and mutes whom, over HTTP as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.types import HTTPScope

from ments.accounts.model import Viewer
from ments.accounts.viewers import find_viewer
from ments.parts import Parts
from ments.relationships import store
from ments.relationships.actions import set_tie
from ments.relationships.model import PeoplePage, Profile, Standing, TieKind
from ments.web.straight import Ready


@dataclass(frozen=True, slots=True)
class Follow:
    """Whether to follow from now on."""

    follow: bool


@dataclass(frozen=True, slots=True)
class Block:
    """Whether to block from now on."""

    block: bool


@dataclass(frozen=True, slots=True)
class Mute:
    """Whether to mute from now on."""

    mute: bool


async def answer_profile(parts: Parts, scope: HTTPScope, asked: Mapping[str, str]) -> Ready | None:
    """The same as `profile`."""
    if len(asked) > 1:
        return None
    found = await store.read_profile(parts, await find_viewer(parts, scope), asked["username"])
    return Ready(((b"content-type", b"application/json"),), msgspec.json.encode(found))


@get("/api/users/{username:str}", summary="Read a profile", tags=["users"], public=True, straight=answer_profile)
async def profile(
    parts: NamedDependency[Parts], viewer: NamedDependency[Viewer | None], username: FromPath[str]
) -> Profile:
    """Answer with the account and its counts, or 404 where one of the two blocked the other."""
    return await store.read_profile(parts, viewer, username)


@post("/api/users/{username:str}/follow", status_code=200, summary="Follow, or no longer", tags=["users"])
async def follow(
    parts: NamedDependency[Parts], member: NamedDependency[Viewer], username: FromPath[str], data: JSONBody[Follow]
) -> Standing:
    """Answer with what the two are to each other now; the same request again changes nothing."""
    return await set_tie(parts, member, TieKind.FOLLOW, username, wanted=data.follow)


@post("/api/users/{username:str}/block", status_code=200, summary="Block, or no longer", tags=["users"])
async def block(
    parts: NamedDependency[Parts], member: NamedDependency[Viewer], username: FromPath[str], data: JSONBody[Block]
) -> Standing:
    """Hide the two from each other, and end the follows between them."""
    return await set_tie(parts, member, TieKind.BLOCK, username, wanted=data.block)


@post("/api/users/{username:str}/mute", status_code=200, summary="Mute, or no longer", tags=["users"])
async def mute(
    parts: NamedDependency[Parts], member: NamedDependency[Viewer], username: FromPath[str], data: JSONBody[Mute]
) -> Standing:
    """Keep an account out of one's own feeds; it is not told."""
    return await set_tie(parts, member, TieKind.MUTE, username, wanted=data.mute)


@get("/api/users/{username:str}/followers", summary="List an account's followers", tags=["users"], public=True)
async def followers(
    parts: NamedDependency[Parts],
    viewer: NamedDependency[Viewer | None],
    username: FromPath[str],
    cursor: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
) -> PeoplePage:
    """Answer with one page, the newest first."""
    return await store.read_followers(parts, viewer, username, cursor=cursor, limit=limit)


@get("/api/users/{username:str}/following", summary="List whom an account follows", tags=["users"], public=True)
async def following(
    parts: NamedDependency[Parts],
    viewer: NamedDependency[Viewer | None],
    username: FromPath[str],
    cursor: FromQuery[str | None] = None,
    limit: FromQuery[int | None] = None,
) -> PeoplePage:
    """Answer with one page, the newest first."""
    return await store.read_following(parts, viewer, username, cursor=cursor, limit=limit)


ROUTES = [profile, follow, block, mute, followers, following]
