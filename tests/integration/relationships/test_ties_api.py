"""Follow, block and mute over HTTP: sets that twice is once, for oneself only, exact under many at once."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from ments.parts import Parts
from ments.relationships import actions, rules
from ments.relationships.model import EVENTS, TieKind
from ments.relationships.tasks import fold_counters
from posting import Member, fetch_row, make_member, open_api

NO_TIES = {"follows": False, "followed_by": False, "blocks": False, "mutes": False}


async def set_(parts: Parts, who: Member, kind: TieKind, whom: Member, wanted: bool = True) -> None:
    await actions.set_tie(parts, who.viewer, kind, whom.viewer.username, wanted=wanted)


async def count(parts: Parts, table: str) -> int:
    return int((await fetch_row(parts, f"select count(*) from {table}"))["count"])


async def test_a_profile_with_its_counts(parts: Parts) -> None:
    ada, ben = await make_member(parts), await make_member(parts)
    name = ada.viewer.username
    async with open_api(parts) as api:
        seen = await api.get(f"/api/users/{name.upper()}")
        assert seen.status_code == 200
        assert seen.headers["cache-control"].startswith("public")
        profile = seen.json()
        assert set(profile) == {
            "id", "username", "full_name", "headline", "avatar_url", "is_verified", "created_at",
            "followers", "following", "posts", "viewer",
        }  # fmt: skip
        assert (profile["id"], profile["username"], profile["viewer"]) == (str(ada.viewer.id), name, None)
        followed = await api.post(f"/api/users/{name}/follow", json={"follow": True}, headers=ben.headers)
        assert followed.status_code == 200
        assert followed.json() == {
            "id": str(ada.viewer.id),
            "username": name,
            "followers": 1,
            "following": 0,
            "viewer": {**NO_TIES, "follows": True},
        }
        mine = await api.get(f"/api/users/{name}", headers=ben.headers)
        assert mine.headers["cache-control"] == "private, no-store"
        assert (mine.json()["followers"], mine.json()["viewer"]) == (1, {**NO_TIES, "follows": True})
        theirs = await api.get(f"/api/users/{ben.viewer.username}", headers=ada.headers)
        assert (theirs.json()["following"], theirs.json()["viewer"]) == (1, {**NO_TIES, "followed_by": True})
        assert (await api.get(f"/api/users/{name}", headers=ada.headers)).json()["viewer"] == NO_TIES
        for visibility in ("public", "private", "followers"):
            body = {"content": "x", "visibility": visibility}
            post = (await api.post("/api/posts", json=body, headers=ada.headers)).json()
        await api.post(f"/api/posts/{post['id']}/replies", json={"content": "not counted"}, headers=ada.headers)
        assert (await api.get(f"/api/users/{name}")).json()["posts"] == 1
        assert (await api.get("/api/users/nobody_here")).json()["code"] == "account_not_found"


@pytest.mark.parametrize(
    ("verb", "table"), [("follow", "follows"), ("block", "blocks"), ("mute", "mutes")], ids=["follow", "block", "mute"]
)
async def test_sets_not_toggles(parts: Parts, verb: str, table: str) -> None:
    ada, ben = await make_member(parts), await make_member(parts)
    url = f"/api/users/{ada.viewer.username}/{verb}"
    async with open_api(parts) as api:
        for wanted in (False, True, True, False, False, True):
            answer = await api.post(url, json={verb: wanted}, headers=ben.headers)
            assert (answer.status_code, answer.json()["viewer"]) == (200, {**NO_TIES, f"{verb}s": wanted})
            assert await count(parts, table) == wanted
        # Each by its own account only.
        assert (await api.post(url, json={verb: True})).status_code == 401
        himself = await api.post(f"/api/users/{ben.viewer.username}/{verb}", json={verb: True}, headers=ben.headers)
        assert (himself.status_code, himself.json()["code"]) == (422, "not_yourself")
        nobody = await api.post(f"/api/users/n{uuid4().hex[:9]}/{verb}", json={verb: True}, headers=ben.headers)
        assert (nobody.status_code, nobody.json()["code"]) == (404, "account_not_found")
        for body in (b"", b"{", b"[]", b"{}", b'{"%b": null}' % verb.encode(), b'{"%b": "yes"}' % verb.encode()):
            bad = await api.post(url, content=body, headers={**ben.headers, "Content-Type": "application/json"})
            assert (bad.status_code, bad.headers["content-type"]) == (400, "application/problem+json"), body
        form = await api.post(url, data={verb: "true"}, headers=ben.headers)
        assert form.status_code == 415


async def test_a_block_ends_follows_and_its_end_does_not_bring_them_back(parts: Parts) -> None:
    ada, ben, cy = [await make_member(parts) for _ in range(3)]
    for follower, followed in ((ada, ben), (ben, ada), (cy, ada), (ada, cy)):
        await set_(parts, follower, TieKind.FOLLOW, followed)
    async with open_api(parts) as api:

        async def numbers(who: Member) -> tuple[int, int]:
            seen = (await api.get(f"/api/users/{who.viewer.username}")).json()
            return seen["followers"], seen["following"]

        assert [await numbers(who) for who in (ada, ben, cy)] == [(2, 2), (1, 1), (1, 1)]
        await set_(parts, ada, TieKind.BLOCK, ben)
        assert [await numbers(who) for who in (ada, ben, cy)] == [(1, 1), (0, 0), (1, 1)]
        url = f"/api/users/{ada.viewer.username}"
        for verb in ("follow", "mute"):
            for wanted in (True, False):
                refused = await api.post(f"{url}/{verb}", json={verb: wanted}, headers=ben.headers)
                assert (refused.status_code, refused.json()["code"]) == (404, "account_not_found")
        # Ben may block back, and is not told that he is blocked.
        back = await api.post(f"{url}/block", json={"block": True}, headers=ben.headers)
        assert back.json()["viewer"] == {**NO_TIES, "blocks": True}
        assert (await api.get(f"/profile/{ben.viewer.username}", headers=ada.headers)).status_code == 404
        await set_(parts, ada, TieKind.BLOCK, ben, wanted=False)
        # His own block still hides both.
        assert (await api.get(f"/api/users/{ben.viewer.username}", headers=ada.headers)).status_code == 404
        await set_(parts, ben, TieKind.BLOCK, ada, wanted=False)
        seen = await api.get(f"/api/users/{ben.viewer.username}", headers=ada.headers)
        assert (seen.status_code, seen.json()["viewer"]) == (200, NO_TIES)
        assert [await numbers(who) for who in (ada, ben, cy)] == [(1, 1), (0, 0), (1, 1)]


async def test_lists_are_paged_newest_first_without_those_who_are_hidden(parts: Parts) -> None:
    ada = await make_member(parts)
    people = [await make_member(parts) for _ in range(7)]
    for one in people:
        await set_(parts, one, TieKind.FOLLOW, ada)
        await set_(parts, ada, TieKind.FOLLOW, one)
    reader = people[3]
    await set_(parts, reader, TieKind.BLOCK, people[5])
    await set_(parts, people[1], TieKind.BLOCK, reader)
    await set_(parts, reader, TieKind.MUTE, people[0])
    await set_(parts, reader, TieKind.FOLLOW, people[2])
    names = [one.viewer.username for one in people][::-1]
    async with open_api(parts) as api:

        async def walk(which: str, who: Member | None, limit: int) -> list[str]:
            found, cursor = [], None
            while True:
                params = {"limit": limit, **({"cursor": cursor} if cursor else {})}
                page = await api.get(
                    f"/api/users/{ada.viewer.username}/{which}", params=params, headers=who.headers if who else {}
                )
                assert page.status_code == 200
                assert page.json()["has_more"] == (page.json()["cursor"] is not None)
                # Full to the last one, whoever is left out.
                assert len(page.json()["users"]) == limit or not page.json()["has_more"]
                found += [user["username"] for user in page.json()["users"]]
                cursor = page.json()["cursor"]
                if cursor is None:
                    return found

        visible = [name for name in names if name not in (names[1], names[5])]
        for which in ("followers", "following"):
            for limit in (1, 2, 50):
                assert await walk(which, None, limit) == names
                assert await walk(which, reader, limit) == visible
        first = (await api.get(f"/api/users/{ada.viewer.username}/followers?limit=1")).json()["cursor"]
        wrong = await api.get(f"/api/users/{ada.viewer.username}/following?cursor={first}")
        assert (wrong.status_code, wrong.json()["code"]) == (400, "bad_cursor")
        users = (await api.get(f"/api/users/{ada.viewer.username}/followers", headers=reader.headers)).json()["users"]
        ties = {user["username"]: user["viewer"] for user in users}
        assert ties[people[0].viewer.username] == {**NO_TIES, "mutes": True}
        assert ties[people[2].viewer.username] == {**NO_TIES, "follows": True}
        page = await api.get(f"/profile/{ada.viewer.username}/followers", headers=reader.headers)
        assert page.status_code == 200
        assert people[2].viewer.username in page.text
        assert people[5].viewer.username not in page.text


async def test_many_follow_one_account_at_once_and_both_counts_are_exact(parts: Parts) -> None:
    ada = await make_member(parts)
    people = [await make_member(parts) for _ in range(30)]
    await asyncio.gather(
        *(set_(parts, one, TieKind.FOLLOW, ada) for one in people for _ in range(2)),
        *(actions.fold_counters(parts) for _ in range(4)),
    )
    await asyncio.gather(*(set_(parts, one, TieKind.FOLLOW, ada, wanted=False) for one in people[:10]))
    async with open_api(parts) as api:
        assert (await api.get(f"/api/users/{ada.viewer.username}")).json()["followers"] == 20
    await fold_counters(parts)
    assert await count(parts, "follow_lines") == 0
    row = await fetch_row(parts, "select followers, following from accounts where id = %s", ada.viewer.id)
    assert (row["followers"], row["following"]) == (20, 0)
    row = await fetch_row(parts, "select sum(following) as n, max(following) as most from accounts")
    assert (row["n"], row["most"]) == (20, 1)
    # An account that goes takes its follows along, and the counts of others know.
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "delete from accounts where id = any(%s)", ([one.viewer.id for one in people[10:15]],)
        )
    async with open_api(parts) as api:
        assert (await api.get(f"/api/users/{ada.viewer.username}")).json()["followers"] == 15
    await fold_counters(parts)
    row = await fetch_row(parts, "select followers from accounts where id = %s", ada.viewer.id)
    assert row["followers"] == 15
    assert await count(parts, "follow_lines") == 0


async def test_followers_of_one_account_do_not_wait_for_each_other(parts: Parts) -> None:
    ada, ben, cy = [await make_member(parts) for _ in range(3)]
    async with parts.primary.transaction() as tx:
        # Ben has followed and not yet committed.
        await tx.connection.execute(
            "insert into follows (follower_id, followee_id) values (%s, %s)", (ben.viewer.id, ada.viewer.id)
        )
        async with asyncio.timeout(5):
            await set_(parts, cy, TieKind.FOLLOW, ada)
            await actions.fold_counters(parts)


async def test_no_follow_slips_past_a_block(parts: Parts) -> None:
    """Whoever of two does what at the same time: no deadlock, and never a follow beside a block."""
    people = [await make_member(parts) for _ in range(4)]
    for _ in range(5):
        jobs = []
        for one in people:
            for other in people:
                if one is not other:
                    jobs += [set_(parts, one, TieKind.FOLLOW, other), set_(parts, one, TieKind.BLOCK, other)]
        results = await asyncio.gather(*jobs, return_exceptions=True)
        refused = {getattr(result, "problem_code", None) or repr(result) for result in results if result is not None}
        assert refused <= {"account_not_found"}, refused
        row = await fetch_row(
            parts,
            """select count(*) from follows f join hidden_pairs h on h.viewer_id = f.follower_id and h.author_id = f.followee_id""",
        )
        assert row["count"] == 0
        await asyncio.gather(
            *(set_(parts, a, TieKind.BLOCK, b, wanted=False) for a in people for b in people if a is not b)
        )
    assert await count(parts, "blocks") == 0


@pytest.mark.parametrize("kind", list(TieKind))
async def test_a_bound_is_exact_under_many_at_once(
    parts: Parts, kind: TieKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(rules._MOST, kind, 3)
    ada = await make_member(parts)
    people = [await make_member(parts) for _ in range(8)]
    results = await asyncio.gather(*(set_(parts, ada, kind, one) for one in people), return_exceptions=True)
    codes = [getattr(result, "problem_code", None) for result in results]
    assert (codes.count(None), codes.count(f"too_many_{kind}s")) == (3, 5)
    assert await count(parts, f"{kind}s") == 3
    kept = people[codes.index(None)]
    # Once more for one that is there is no new one; one back makes room for another.
    await set_(parts, ada, kind, kept)
    await set_(parts, ada, kind, kept, wanted=False)
    await set_(parts, ada, kind, people[codes.index(f"too_many_{kind}s")])
    async with open_api(parts) as api:
        full = await api.post(f"/api/users/{kept.viewer.username}/{kind}", json={kind.value: True}, headers=ada.headers)
    assert (full.status_code, full.json()["code"]) == (409, f"too_many_{kind}s")
    assert full.headers["content-type"] == "application/problem+json"


def test_every_event_may_go_out(parts: Parts) -> None:
    """Whoever listens: what is not bound at all, not even to nothing, could not be emitted."""
    for event_type in EVENTS:
        parts.outbox._bindings.list_tasks(event_type)


async def test_forms_work_without_a_script(parts: Parts) -> None:
    ada, ben = await make_member(parts), await make_member(parts)
    at = f"/profile/{ada.viewer.username}"
    async with open_api(parts) as api:
        visitor = await api.get(at)
        assert "Sign in to follow" in visitor.text
        assert f'action="{at}/follow"' not in visitor.text
        assert (await api.post(f"{at}/follow", data={"follow": "true"})).status_code == 302
        own = await api.get(at, headers=ada.headers)
        assert f'action="{at}/follow"' not in own.text
        assert ">Follow</button>" in (await api.get(at, headers=ben.headers)).text
        followed = await api.post(f"{at}/follow", data={"follow": "true"}, headers=ben.headers)
        assert (followed.status_code, followed.headers["location"]) == (303, at)
        page = (await api.get(at, headers=ben.headers)).text
        assert "press to unfollow" in page
        assert "<b>1</b> follower<" in page
        piece = await api.post(f"{at}/mute", data={"mute": "true"}, headers={**ben.headers, "HX-Request": "true"})
        assert (piece.status_code, piece.headers["location"]) == (303, at)
        fragment = await api.get(at, headers={**ben.headers, "HX-Request": "true"})
        assert "You muted" in fragment.text
        assert "<html" not in fragment.text
        blocked = await api.post(f"{at}/block", data={"block": "true"}, headers=ben.headers)
        assert (blocked.status_code, blocked.headers["location"]) == (303, at)
        gone = await api.get(at, headers=ben.headers)
        assert gone.status_code == 404
        assert "Unblock" in gone.text
        assert ">Follow</button>" not in gone.text
        # The other side finds nobody there.
        other = await api.get(f"/profile/{ben.viewer.username}", headers=ada.headers)
        assert other.status_code == 404
        assert "Unblock" not in other.text
        back = await api.post(f"{at}/block", data={"block": "false"}, headers=ben.headers)
        assert back.status_code == 303
        assert (await api.get(at, headers=ben.headers)).status_code == 200
        for wrong in ({}, {"follow": "perhaps"}):
            assert (await api.post(f"{at}/follow", data=wrong, headers=ben.headers)).status_code == 422
