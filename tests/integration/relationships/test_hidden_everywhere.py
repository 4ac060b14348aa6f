"""Every address that hands out something of a post, or takes something to it, for readers who may not see it.

The addresses come from the application itself: one that is in none of the tables below fails the first test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import httpx2
import pytest
import pytest_asyncio

from ments.app import list_routes
from ments.feeds.rank_actions import make_ranking
from ments.parts import Parts
from ments.posts import actions
from ments.posts.model import NewPost, Visibility
from ments.posts.store import list_environments
from ments.relationships.actions import set_tie
from ments.relationships.model import TieKind
from posting import Member, make_media, make_member, open_api
from ranking import like, make_trending

JSON = {"json": {"content": "to you"}}
FORM = {"data": {"content": "to you"}}

BY_POST = {
    "GET /api/posts/{post_id:uuid}": {},
    "GET /api/posts/{post_id:uuid}/replies": {},
    "GET /post/{post_id:uuid}": {},
    "GET /post/{post_id:uuid}/card": {},
    "GET /post/{post_id:uuid}/why": {},
    "PATCH /api/posts/{post_id:uuid}": JSON,
    "DELETE /api/posts/{post_id:uuid}": {},
    "POST /api/posts/{post_id:uuid}/replies": JSON,
    "POST /post/{post_id:uuid}/replies": FORM,
    "POST /post/{post_id:uuid}/delete": {},
    "POST /post/{post_id:uuid}/without/{media_id:uuid}": {},
    "POST /post/{post_id:uuid}/retry/{media_id:uuid}": {},
    **{
        f"{method} /api/posts/{{post_id:uuid}}/{act}": {}
        for act in ("like", "repost", "bookmark")
        for method in ("POST", "DELETE")
    },
    "POST /api/posts/{post_id:uuid}/vote": {"json": {"option_ids": []}},
    "POST /api/posts/{post_id:uuid}/report": {"json": {"reason": "spam"}},
    **{f"POST /post/{{post_id:uuid}}/{act}": {"data": {"on": "yes"}} for act in ("like", "repost", "bookmark", "vote")},
}
"""404 to whoever may not see the post. Those by GET show its words to whoever may, but the replies."""

BY_MEDIA = {
    "GET /api/media/{media_id:uuid}": {},
    "GET /api/media/{media_id:uuid}/captions": {},
    "GET /api/media/{media_id:uuid}/events": {},
    "GET /api/media/{media_id:uuid}/playlist.m3u8": {},
    "GET /api/media/{media_id:uuid}/playlists/{file:str}": {},
    "POST /api/media/{media_id:uuid}/retry": {},
    "POST /api/media/{media_id:uuid}/captions": {"json": {"language": "en", "text": "WEBVTT\n"}},
    "DELETE /api/media/{media_id:uuid}/captions/{language:str}": {},
}
"""404 to whoever may not see the post that holds the media."""

BY_NAME = {
    "GET /api/users/{username:str}": {},
    "GET /api/users/{username:str}/followers": {},
    "GET /api/users/{username:str}/following": {},
    "GET /profile/{username:str}": {},
    "GET /profile/{username:str}/followers": {},
    "GET /profile/{username:str}/following": {},
    "POST /api/users/{username:str}/follow": {"json": {"follow": True}},
    "POST /api/users/{username:str}/mute": {"json": {"mute": True}},
    "POST /profile/{username:str}/follow": {"data": {"follow": "true"}},
    "POST /profile/{username:str}/mute": {"data": {"mute": "true"}},
}
"""404 to either of two of whom one blocked the other."""

LISTS = {
    "GET /api/feed": ("/api/feed", "/api/feed?kind=latest", "/api/feed?kind=following", "/api/feed?limit=1"),
    "GET /api/posts": ("/api/posts",),
    "GET /api/trending": ("/api/trending",),
    "GET /trending": ("/trending",),
    "GET /": ("/", "/?kind=following", "/?kind=latest"),
    "GET /browse": ("/browse", "/browse?environment=general"),
    "GET /api/hashtags/{tag:str}/posts": ("/api/hashtags/heard/posts",),
    "GET /tags/{tag:str}": ("/tags/heard",),
}
"""Lists of what many wrote: the post is not among them."""

OTHERWISE = {
    "GET /api/feed/why": "tells why a post is shown: tested with the ranking",
    "POST /api/feed/events": "takes what was seen and tells nothing of any post: tested with the events",
    "POST /api/posts": "answers a post by its body: tested below",
    "GET /api/feed/live": "a stream: tested in test_feed_live",
    "GET /api/bookmarks": "lists what was kept: tested where posts are kept",
    "GET /bookmarks": "lists what was kept: tested where posts are kept",
    "GET /create": "brings back a post that waits, to its author: tested below",
    "POST /api/users/{username:str}/block": "a block needs no leave",
    "POST /profile/{username:str}/block": "a block needs no leave",
}

NOT_OF_POSTS = {
    "POST /api/feed/refresh",
    "POST /feed/refresh",
    "GET /api/health",
    "GET /api/ready",
    "GET /robots.txt",
    "GET /favicon.ico",
    "POST /api/auth/register",
    "POST /api/auth/login",
    "POST /api/auth/logout",
    "GET /api/me",
    "GET /login",
    "GET /register",
    "POST /login",
    "POST /register",
    "POST /logout",
    "GET /auth/link",
    "POST /auth/link",
    "GET /auth/callback",
    "POST /api/uploads",
    "GET /api/uploads/{upload_id:uuid}",
    "DELETE /api/uploads/{upload_id:uuid}",
    "POST /api/uploads/{upload_id:uuid}/sign",
    "POST /api/uploads/{upload_id:uuid}/complete",
    "POST /api/webhooks/storage",
    "GET /api/environments",
    "POST /create",
}


def test_every_address_is_in_a_table() -> None:
    addresses = {f"{method} {path}" for route in list_routes() for method in route.http_methods for path in route.paths}
    # Operators see what goes on, and nobody else gets there.
    known = {*BY_POST, *BY_MEDIA, *BY_NAME, *LISTS, *OTHERWISE, *NOT_OF_POSTS}
    of_operators = {address for address in addresses if address.split(" ")[1].startswith(("/ops", "/api/ops"))}
    assert addresses - of_operators == known


@dataclass(frozen=True)
class Place:
    """An author with a public post, one for followers and a reply to somebody else's, and their readers."""

    api: httpx2.AsyncClient
    author: Member
    follower: Member
    stranger: Member
    blocked: Member
    blocker: Member
    between: UUID
    public: UUID
    public_media: UUID
    followers: UUID
    followers_media: UUID
    answer: UUID

    async def ask(
        self, address: str, who: Member | None, *, post: UUID, media: UUID, **sent: object
    ) -> httpx2.Response:
        method, path = address.split(" ")
        filled = {
            "{post_id:uuid}": str(post),
            "{media_id:uuid}": str(media),
            "{username:str}": self.author.viewer.username,
            "{file:str}": "720p.m3u8",
            "{language:str}": "en",
        }
        for name, value in filled.items():
            path = path.replace(name, value)
        return await self.api.request(method, path, headers=who.headers if who else {}, **sent)  # type: ignore[arg-type]


@pytest_asyncio.fixture(loop_scope="session")
async def place(parts: Parts) -> AsyncIterator[Place]:
    author, follower, stranger, blocked, blocker, host = [await make_member(parts) for _ in range(6)]
    for member in (follower, blocked, blocker):
        await set_tie(parts, member.viewer, TieKind.FOLLOW, author.viewer.username, wanted=True)
        await set_tie(parts, author.viewer, TieKind.FOLLOW, member.viewer.username, wanted=True)
    general = next(room for room in await list_environments(parts) if room.slug == "general")
    between = (await actions.create_post(parts, host.viewer, NewPost(content="by a host"))).id
    public_media = await make_media(parts, author.viewer, generation="p1")
    public = await actions.create_post(
        parts, author.viewer, NewPost("the public words #heard", (public_media,), environment_id=general.id)
    )
    followers_media = await make_media(parts, author.viewer, generation="s1")
    followers = await actions.create_post(
        parts,
        author.viewer,
        NewPost("the followers words #heard", (followers_media,), visibility=Visibility.FOLLOWERS),
    )
    answer = await actions.create_post(parts, author.viewer, NewPost("the answer words", parent_post_id=between))
    # It trends, and the two have a ranking of before, which had it.
    await like(parts, public.id, host, stranger)
    await make_trending(parts)
    for member in (blocked, blocker):
        ranking = await make_ranking(parts, member.viewer.id)
        assert {public.id, followers.id} <= {post.post_id for post in ranking.posts}
    # After all that, so that a block has something to end.
    await set_tie(parts, author.viewer, TieKind.BLOCK, blocked.viewer.username, wanted=True)
    await set_tie(parts, blocker.viewer, TieKind.BLOCK, author.viewer.username, wanted=True)
    async with open_api(parts) as api:
        yield Place(
            api, author, follower, stranger, blocked, blocker, between,
            public.id, public_media, followers.id, followers_media, answer.id,
        )  # fmt: skip


def tells_nothing(place: Place, answer: httpx2.Response) -> bool:
    # A page names the address that was asked.
    text = answer.text.replace(answer.request.url.path, "")
    marks = ("public words", "followers words", "answer words", str(place.public_media), str(place.followers_media))
    return not any(mark in text for mark in (*marks, place.author.viewer.username))


@pytest.mark.parametrize("who", ["blocked", "blocker"])
async def test_a_blocked_pair_is_hidden_at_every_address(place: Place, who: str) -> None:
    reader: Member = getattr(place, who)
    for post, media in ((place.public, place.public_media), (place.followers, place.followers_media)):
        for address, sent in {**BY_POST, **BY_MEDIA, **BY_NAME}.items():
            answer = await place.ask(address, reader, post=post, media=media, **sent)
            assert answer.status_code == 404, (address, answer.status_code, answer.text[:300])
            if not (who == "blocker" and address == "GET /profile/{username:str}"):  # there is the way back
                assert tells_nothing(place, answer), address
            assert answer.headers["cache-control"] == "private, no-store"
    for addresses in LISTS.values():
        for address in addresses:
            answer = await place.api.get(address, headers=reader.headers)
            assert answer.status_code == 200, address
            assert tells_nothing(place, answer), address
            # The shared page had it, and another reader's answer still does.
    for address in (f"/api/posts/{place.between}/replies", f"/post/{place.between}"):
        answer = await place.api.get(address, headers=reader.headers)
        assert answer.status_code == 200
        assert tells_nothing(place, answer), address
    by_body = {"content": "to you", "parent_post_id": str(place.public)}
    assert (await place.api.post("/api/posts", json=by_body, headers=reader.headers)).status_code == 404
    assert (await place.api.get(f"/create?instead={place.public}", headers=reader.headers)).status_code == 404
    # And the other way round: the author does not find them either.
    name = reader.viewer.username
    assert (await place.api.get(f"/api/users/{name}", headers=place.author.headers)).status_code == 404
    for which in ("followers", "following"):
        listed = await place.api.get(f"/api/users/{name}/{which}", headers=place.author.headers)
        assert listed.status_code == 404
        # Their follows ended with the block, in both directions.
        seen = await place.api.get(f"/api/users/{place.author.viewer.username}/{which}")
        assert name not in seen.text


@pytest.mark.parametrize("who", ["stranger", "visitor"])
async def test_a_post_for_followers_is_hidden_from_others_at_every_address(place: Place, who: str) -> None:
    reader = place.stranger if who == "stranger" else None
    for address, sent in {**BY_POST, **BY_MEDIA}.items():
        answer = await place.ask(address, reader, post=place.followers, media=place.followers_media, **sent)
        refused = (404,) if reader or address.startswith("GET") else (401, 302)
        if reader is None and address == "GET /post/{post_id:uuid}/why":
            refused = (302,)  # to the form that signs in, whether there is such a post or not
        if reader is None and address == "GET /post/{post_id:uuid}/card":
            refused = (404,)
        assert answer.status_code in refused, (address, answer.status_code)
        text = answer.text.replace(answer.request.url.path, "")
        assert "followers words" not in text
        assert str(place.followers_media) not in text
    for addresses in LISTS.values():
        for address in addresses:
            answer = await place.api.get(address, headers=reader.headers if reader else {})
            if reader is None and "following" in address and address.startswith("/api"):
                assert answer.status_code == 401
                continue
            assert answer.status_code == 200, address
            assert "followers words" not in answer.text, address
            assert str(place.followers_media) not in answer.text, address
    profile = f"/profile/{place.author.viewer.username}"
    seen = await place.api.get(profile, headers=reader.headers if reader else {})
    assert "public words" in seen.text
    assert "followers words" not in seen.text


async def test_a_follower_sees_both_and_gets_addresses_that_work(place: Place) -> None:
    """The same addresses show the same posts to whoever may see them, so the refusals above are about something."""
    reader = place.follower
    for post, media, words in (
        (place.public, place.public_media, "public words"),
        (place.followers, place.followers_media, "followers words"),
    ):
        for address in (*BY_POST, *BY_MEDIA):
            if not address.startswith("GET") or "playlist" in address:
                continue
            answer = await place.ask(address, reader, post=post, media=media)
            assert answer.status_code == 200, address
            assert answer.headers["cache-control"].startswith(("private, no-store", "no-"))
            if address in BY_POST and not address.endswith("replies"):
                assert words in answer.text, address
        assert (await place.ask("POST /api/posts/{post_id:uuid}/replies", reader, post=post, media=media, **JSON)).status_code == 201  # fmt: skip
    for address in BY_NAME:
        if address.startswith("GET"):
            assert (await place.ask(address, reader, post=place.public, media=uuid4())).status_code == 200
    for addresses in LISTS.values():
        for address in addresses:
            if "limit=1" in address:
                continue
            text = (await place.api.get(address, headers=reader.headers)).text
            assert "public words" in text, address
            assert ("followers words" in text) == ("following" in address), address
    card = (await place.api.get(f"/api/posts/{place.followers}", headers=reader.headers)).json()
    assert card["visibility"] == "followers"
    assert card["media"][0]["media_url"].startswith("/m/")
    assert card["media"][0]["filename"] is None
    shown = (await place.api.get(f"/api/media/{place.followers_media}", headers=reader.headers)).json()
    assert shown["media_url"].startswith("/m/")
    assert shown["filename"] is None
    profile = await place.api.get(f"/profile/{place.author.viewer.username}", headers=reader.headers)
    assert "followers words" in profile.text
    assert f"/m/1.{''}" in profile.text


async def test_everybody_else_is_served_from_the_shared_page(place: Place) -> None:
    """What is taken out for one reader stays for the others, in whichever order they come."""
    for reader in (place.blocked, place.follower, place.blocker, place.stranger, None, place.blocked):
        text = (await place.api.get("/api/feed?kind=latest", headers=reader.headers if reader else {})).text
        assert ("public words" in text) == (reader not in (place.blocked, place.blocker))
        assert "/m/" not in text or reader is place.author


async def test_answers_to_what_is_for_followers_are_for_its_followers(parts: Parts) -> None:
    ada, ben, cy, dee = [await make_member(parts) for _ in range(4)]
    # Ben and Cy follow Ada; Dee follows Ben alone. Ada follows nobody.
    for follower, followed in ((ben, ada), (cy, ada), (dee, ben)):
        await set_tie(parts, follower.viewer, TieKind.FOLLOW, followed.viewer.username, wanted=True)
    post = await actions.create_post(parts, ada.viewer, NewPost("to mine", visibility=Visibility.FOLLOWERS))
    answer = await actions.create_post(parts, ben.viewer, NewPost("heard", parent_post_id=post.id))
    assert answer.visibility is Visibility.FOLLOWERS
    async with open_api(parts) as api:

        async def status(who: Member | None) -> int:
            return (await api.get(f"/api/posts/{answer.id}", headers=who.headers if who else {})).status_code

        assert [await status(who) for who in (ada, ben, cy, dee, None)] == [200, 200, 200, 404, 404]
        replies = await api.get(f"/api/posts/{post.id}/replies", headers=ada.headers)
        assert [reply["id"] for reply in replies.json()["posts"]] == [str(answer.id)]
        assert (await api.get(f"/api/posts/{post.id}", headers=cy.headers)).json()["replies"] == 1
        again = {"content": "me too"}
        further = await api.post(f"/api/posts/{answer.id}/replies", json=again, headers=cy.headers)
        assert (further.status_code, further.json()["visibility"]) == (201, "followers")
        seen = await api.get(f"/api/posts/{further.json()['id']}", headers=ada.headers)
        assert seen.status_code == 200
        # Who no longer follows sees the post no more, nor its answers, but what they wrote themselves.
        await set_tie(parts, ben.viewer, TieKind.FOLLOW, ada.viewer.username, wanted=False)
        assert (await api.get(f"/api/posts/{post.id}", headers=ben.headers)).status_code == 404
        assert await status(ben) == 200
