"""A stock Node `bullmq` producer, as the guide writes it, gets its video from our worker, and reads back what became of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from node_producer import MAJORS, node_producer, real_worker

import originals
from eventually import eventually
from ments.parts import Parts
from posting import fetch_row, make_member, open_api
from running_stack import RunningStack

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return originals.make_video(tmp_path / "original.mp4", size="320x180", seconds=1)


async def put(parts: Parts, key: str, file: Path) -> str:
    await parts.bucket.upload(key, file, "video/mp4")
    return key


async def make_operator(parts: Parts) -> UUID:
    operator = await make_member(parts)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("update accounts set is_admin = true where id = %s", (operator.viewer.id,))
    return operator.viewer.id


async def job_row(parts: Parts, outside_id: str) -> dict[str, Any]:
    return await fetch_row(parts, "select * from jobs where outside_id = %s", outside_id)


@pytest.mark.parametrize("major", MAJORS)
async def test_the_guides_producer_gets_its_video(stack: RunningStack, parts: Parts, clip: Path, major: str) -> None:
    operator_id = await make_operator(parts)
    key = await put(parts, "posts/123/original.mp4", clip)
    async with real_worker(stack, parts), node_producer(major, parts.settings.redis_url) as node:
        job = {"key": key, "opts": {"postId": "123"}}
        answer = await node.do("ask", data=job, wait_ms=120_000)
        assert "failed" not in answer
        told = answer["returned"]
        assert (told["status"], told["kind"], told["width"], told["height"]) == ("playable", "video", 320, 180)
        assert await parts.bucket.head(told["poster"]) is not None
        assert answer["progress"] == sorted(answer["progress"])
        seen = await node.do("read", id=answer["id"])
        assert (seen["state"], seen["returnvalue"], seen["failedReason"]) == ("completed", told, None)
        assert 0 < seen["progress"] <= 1
        row = await job_row(parts, answer["id"])
        assert (row["state"], row["task"], row["attempts_max"], row["payload"]) == ("done", "transcode", 3, job)
        media = await fetch_row(parts, "select * from media")
        assert (str(media["id"]), media["account_id"], media["audience"]) == (told["media_id"], operator_id, "private")
        # The same object again is the same media; the original stays where its producer put it.
        again = await node.do("ask", data=job, wait_ms=60_000)
        # By now its other sizes may be there as well.
        assert again["returned"]["media_id"] == told["media_id"]
        assert again["returned"]["status"] in ("playable", "ready")
        assert (await fetch_row(parts, "select count(*) as n from media"))["n"] == 1
        assert await parts.bucket.head(key) is not None
    await parts.bucket.delete_prefix(f"media/{told['media_id']}/")


@pytest.mark.parametrize("major", MAJORS)
async def test_a_post_of_ours_shows_what_was_made_for_it(
    stack: RunningStack, parts: Parts, clip: Path, major: str
) -> None:
    author = await make_member(parts)
    async with open_api(parts) as api:
        made = await api.post("/api/posts", json={"content": "Wait for it."}, headers=author.headers)
        post_id = made.json()["id"]
        key = await put(parts, f"posts/{post_id}/original.mp4", clip)
        async with real_worker(stack, parts), node_producer(major, parts.settings.redis_url) as node:
            job = {"key": key, "opts": {"postId": post_id}}
            answers = [await node.do("add", data=job) for _ in range(2)]
            seen: dict[str, Any] = {}

            async def shown() -> bool:
                seen.update((await api.get(f"/api/posts/{post_id}")).json())
                # It appears as soon as it plays; the one file comes at its end.
                return bool(seen["media"]) and seen["media"][0]["media_url"] is not None

            await eventually(shown, within_s=120)
            for answer in answers:
                row = await job_row(parts, answer["id"])
                assert (row["state"], row["code"]) in (("done", None), ("running", None))
        (media,) = seen["media"]
        assert media["media_url"].startswith(f"/p/{media['id']}/p1/")
        row = await fetch_row(parts, "select * from media")
        assert (row["account_id"], row["audience"], row["generation"]) == (author.viewer.id, "public", "p1")
    await parts.bucket.delete_prefix(f"media/{row['id']}/")
    await parts.bucket.delete(key)


@pytest.mark.parametrize("major", MAJORS)
async def test_priority_and_delay_are_kept(stack: RunningStack, parts: Parts, clip: Path, major: str) -> None:
    await make_operator(parts)
    key = await put(parts, f"clips/{uuid4()}.mp4", clip)
    async with node_producer(major, parts.settings.redis_url) as node:
        added = {}
        for name, opts in {
            "late": {"delay": 6_000},
            "last": {"priority": 9},
            "next": {"priority": 2},
            "first": {},
        }.items():
            added[name] = await node.do("add", data={"key": key}, opts=opts)
        async with real_worker(stack, parts, MENTS_MEDIA_CONCURRENCY="1"):

            async def all_done() -> bool:
                states = [(await node.do("read", id=job["id"]))["state"] for job in added.values()]
                return states == ["completed"] * len(added)

            await eventually(all_done, within_s=120)
        rows = {name: await job_row(parts, job["id"]) for name, job in added.items()}
        # Once it is due, what has no priority goes before what has one: on a slow machine "late" may be among these.
        by_priority = ("last", "first", "next")
        assert sorted(by_priority, key=lambda name: rows[name]["started_at"]) == ["first", "next", "last"]
        late_at = datetime.fromtimestamp(added["late"]["timestamp"] / 1000, UTC) + timedelta(seconds=6)
        assert rows["late"]["started_at"] >= late_at
        # Without options a job has its task's own.
        assert rows["first"]["attempts_max"] == 3
    await parts.bucket.delete(key)


@pytest.mark.parametrize("major", MAJORS)
async def test_what_can_not_be_done_ends_with_words_and_never_in_a_circle(
    stack: RunningStack, parts: Parts, clip: Path, tmp_path: Path, major: str
) -> None:
    await make_operator(parts)
    broken = await put(parts, f"clips/{uuid4()}.mp4", originals.written(tmp_path / "broken.mp4", b"no film at all"))
    good = await put(parts, f"clips/{uuid4()}.mp4", clip)
    cases: dict[str, tuple[dict[str, Any], str, str]] = {
        "nothing there": ({"data": {"key": f"clips/{uuid4()}.mp4"}}, "original_missing", "no object at"),
        "ours": ({"data": {"key": f"media/{uuid4()}/original"}}, "unknown_key", "no media"),
        "a way out": ({"data": {"key": "posts/../media/x/original"}}, "unknown_key", "plain path"),
        "broken": ({"data": {"key": broken}}, "unreadable", "isn't a video"),
        "text": ({"data": "posts/123/original.mp4"}, "unfit_payload", "does not fit"),
        "list": ({"data": [1, 2]}, "unfit_payload", "does not fit"),
        "null": ({"data": None}, "unfit_payload", "does not fit"),
        "number for a key": ({"data": {"key": 123}}, "unfit_payload", "does not fit"),
        "options of another kind": ({"data": {"key": good, "opts": "none"}}, "unfit_payload", "does not fit"),
        "too large": ({"data": {"key": good, "opts": {"x": "y" * 70_000}}}, "payload_too_large", "at most"),
        "NUL": ({"data": {"key": "clips/\0.mp4"}}, "unfit_payload", "does not allow"),
        "unknown task": ({"name": "thumbnails", "data": {"key": good}}, "unknown_task", "thumbnails"),
    }
    async with real_worker(stack, parts), node_producer(major, parts.settings.redis_url) as node:
        added = {name: (await node.do("add", **words))["id"] for name, (words, _, _) in cases.items()}

        async def all_failed() -> bool:
            states = {name: (await node.do("read", id=job_id))["state"] for name, job_id in added.items()}
            return set(states.values()) == {"failed"}

        await eventually(all_failed, within_s=90)
        for name, (_, code, words) in cases.items():
            seen, row = await node.do("read", id=added[name]), await job_row(parts, added[name])
            assert (name, row["state"], row["code"], row["lease"]) == (name, "dead", code, 1)
            assert words in row["cause"], name
            assert seen["failedReason"] == row["cause"], name
        # And the worker takes the next one.
        answer = await node.do("ask", data={"key": good}, wait_ms=90_000)
        assert answer["returned"]["status"] == "playable"
    for key in (broken, good):
        await parts.bucket.delete(key)


@pytest.mark.parametrize("major", MAJORS)
async def test_ids_that_look_odd(stack: RunningStack, parts: Parts, clip: Path, major: str) -> None:
    """Those that the library takes are run, once each, like any other; also one that looks like ours."""
    await make_operator(parts)
    key = await put(parts, f"clips/{uuid4()}.mp4", clip)
    odd = ["..", "a/b", "*", "post 123", "é\u202e", f"{uuid4()}-1", f"{uuid4()}-x", "x" * 600, "a:b:c"]
    async with real_worker(stack, parts), node_producer(major, parts.settings.redis_url) as node:
        taken = []
        for job_id in (*odd, "1", "a:b"):
            answer = await node.do("add", data={"key": key}, opts={"jobId": job_id})
            if "refused" in answer:
                assert job_id in ("1", "a:b", "a:b:c"), answer
            else:
                taken.append(job_id)
        assert set(odd) - {"a:b:c"} <= set(taken)

        async def all_ended() -> bool:
            rows = [(await node.do("read", id=job_id))["state"] for job_id in taken]
            return set(rows) <= {"completed", "failed"}

        await eventually(all_ended, within_s=120)
        for job_id in taken:
            assert (await job_row(parts, job_id))["state"] == "done"
        assert (await fetch_row(parts, "select count(*) as n from media"))["n"] == 1
    await parts.bucket.delete(key)


async def test_without_an_account_nobody_can_own_it(stack: RunningStack, parts: Parts, clip: Path) -> None:
    await make_member(parts)
    key = await put(parts, f"clips/{uuid4()}.mp4", clip)
    async with real_worker(stack, parts), node_producer("bullmq6", parts.settings.redis_url) as node:
        answer = await node.do("ask", data={"key": key, "opts": {"postId": str(uuid4())}}, wait_ms=60_000)
        assert "Nobody can own this original" in answer["failed"]
        assert (await job_row(parts, answer["id"]))["code"] == "no_owner"
    await parts.bucket.delete(key)
