"""A transcode that is ended in the middle: what its finished steps stored is taken over, and nothing else stays."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import ments.media.actions.transcode as transcoding
import originals
from films import finish
from ments.errors import Retryable
from ments.jobs import JobDied, LeaseLost
from ments.media.job_events import PublicAudienceWanted
from ments.media.model import UnplayableMedia
from ments.media.plan import Piece, Plan
from ments.media.tasks import give_up_transcode, publish_audience, sweep, transcode
from ments.parts import Parts
from posting import NotedLease, job_of, list_jobs, make_member
from uploaded import files_of, id_of, make_queued, row_of, run_of, set_row


def whole(number: int = 1) -> list[str]:
    """What try `number` stores of the clip: its only rung, the sound, a poster."""
    mark = f"c000-{number}"
    parts = ("00000.m4s", "init.mp4")
    return [*(f"a128-{mark}-{part}" for part in parts), "poster.jpg", *(f"v90-{mark}-{part}" for part in parts)]


WHOLE = whole()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return originals.make_video(tmp_path / "small.mp4", size="160x90", seconds=0.5)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps that were really made, in their order, beside what was looked at."""
    real_piece, real_plan = transcoding.make_film_piece, transcoding.plan_original
    names: list[str] = []

    async def make_film_piece(workshop: Any, probe: Any, work: Any, *where: Path, **more: Any) -> Piece:
        names.append(work.name)
        return await real_piece(workshop, probe, work, *where, **more)

    async def plan_original(*words: Any, **more: Any) -> Plan:
        names.append("plan")
        return await real_plan(*words, **more)

    monkeypatch.setattr(transcoding, "make_film_piece", make_film_piece)
    monkeypatch.setattr(transcoding, "plan_original", plan_original)
    return names


class Stopped(NotedLease):
    """Awaits `stop` once a step has been written down."""

    def __init__(self, step: str, stop: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self._step = step
        self._stop = stop

    async def finish_step(self, name: str, result: Any) -> None:
        await super().finish_step(name, result)
        if name == self._step:
            await self._stop()


async def handed_back_after(parts: Parts, event: Any, step: str) -> Stopped:
    """Run a first try that its worker ends, as it drains, right after a step."""

    async def end() -> None:
        running.cancel()

    lease = Stopped(step, end)
    running = asyncio.create_task(transcode(parts, run_of(lease=lease), event))
    with pytest.raises(asyncio.CancelledError):
        await running
    return lease


async def test_a_deploy_after_the_look_does_not_look_again(parts: Parts, small: Path, made: list[str]) -> None:
    event = await make_queued(parts, await make_member(parts), small)
    lease = await handed_back_after(parts, event, "plan")
    assert await files_of(parts, event) == ["original"]
    assert (await row_of(parts, event))["status"] == "processing"
    await transcode(parts, run_of(lease=lease), event)
    assert made == ["plan", "copy-000"]
    row = await row_of(parts, event)
    assert (row["status"], row["generation"], row["width"], row["poster_file"]) == ("playable", "s2", 160, "poster.jpg")
    assert row["blurhash"]


async def test_when_every_step_is_stored_the_original_is_not_even_fetched(
    parts: Parts, small: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    event = await make_queued(parts, await make_member(parts), small)
    lease = await handed_back_after(parts, event, "first")
    assert await files_of(parts, event) == ["original", *(f"s1/{file}" for file in WHOLE)]
    del made[:]

    async def download(*words: Any) -> None:
        raise AssertionError("nothing is left to be made")

    monkeypatch.setattr(type(parts.bucket), "download", download)
    await transcode(parts, run_of(lease=lease), event)
    assert made == []
    # One generation is served, and the first run's folder is gone.
    assert await files_of(parts, event) == ["original", *(f"s2/{file}" for file in WHOLE)]


async def test_a_stored_step_that_is_gone_or_cut_is_made_again(parts: Parts, small: Path, made: list[str]) -> None:
    event = await make_queued(parts, await make_member(parts), small)
    for spoil in ("gone", "cut"):
        lease = await handed_back_after(parts, event, "first")
        number = (await row_of(parts, event))["attempt_generation"]
        if spoil == "gone":
            await parts.bucket.delete(f"media/{id_of(event)}/s{number}/poster.jpg")
        else:
            await parts.bucket.put_bytes(f"media/{id_of(event)}/s{number}/v90-c000-{number}-00000.m4s", b"half", "x/y")
        del made[:]
        await transcode(parts, run_of(lease=lease), event)
        assert made == ["copy-000"]
        assert await files_of(parts, event) == ["original", *(f"s{number + 1}/{file}" for file in whole(number + 1))]
        await set_row(parts, event, "status = 'queued'")


async def test_steps_of_another_version_are_made_again(parts: Parts, small: Path, made: list[str]) -> None:
    event = await make_queued(parts, await make_member(parts), small)
    lease = NotedLease(steps={"plan": "v0", "first": {"files": 3}, "poster": None, "1080p": {"generation": "../x"}})
    await transcode(parts, run_of(lease=lease), event)
    assert made == ["plan", "copy-000"]
    assert (await row_of(parts, event))["status"] == "playable"


async def test_posted_between_two_runs_it_is_committed_for_everybody(
    parts: Parts, small: Path, made: list[str]
) -> None:
    event = await make_queued(parts, await make_member(parts), small)
    lease = await handed_back_after(parts, event, "first")
    await publish_audience(parts, job_of("publish_audience"), PublicAudienceWanted(id_of(event)))
    await transcode(parts, run_of(lease=lease), event)
    assert made == ["plan", "copy-000"]
    assert await files_of(parts, event) == ["original", *(f"p2/{file}" for file in WHOLE)]
    assert await list_jobs(parts, "publish_audience") == []


@pytest.mark.parametrize(("holder", "left"), [("job-1", WHOLE), ("job-2", [])])
async def test_an_overtaken_run_leaves_its_steps_to_the_next_and_nothing_to_another_job(
    parts: Parts, small: Path, holder: str, left: list[str]
) -> None:
    """Frozen beyond its lease, it goes on: whoever holds the media by then decides what its objects are good for."""
    event = await make_queued(parts, await make_member(parts), small)

    async def overtake() -> None:
        await set_row(parts, event, f"job_id = '{holder}'")
        lease.lost = True

    lease = Stopped("first", overtake)
    with pytest.raises(LeaseLost):
        await transcode(parts, run_of(lease=lease), event)
    row = await row_of(parts, event)
    assert (row["status"], row["generation"]) == ("processing", None)
    assert await files_of(parts, event) == ["original", *(f"s1/{file}" for file in left)]
    await set_row(parts, event, "status = 'queued'")
    await transcode(parts, run_of(holder), event)
    assert await files_of(parts, event) == ["original", *(f"s2/{file}" for file in whole(2))]


async def test_a_failure_for_good_leaves_nothing_of_any_run(
    parts: Parts, small: Path, made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    event = await make_queued(parts, await make_member(parts), small)
    lease = await handed_back_after(parts, event, "first")

    async def refused(*words: Any, **more: Any) -> Any:
        raise UnplayableMedia("Not one picture in this video could be read.", code="damaged")

    await parts.bucket.delete(f"media/{id_of(event)}/s1/poster.jpg")
    monkeypatch.setattr(transcoding, "make_film_piece", refused)
    with pytest.raises(UnplayableMedia):
        await transcode(parts, run_of(lease=lease), event)
    row = await row_of(parts, event)
    assert (row["status"], row["error_code"]) == ("failed", "damaged")
    assert await files_of(parts, event) == ["original"]


@pytest.mark.parametrize(("code", "words"), [("poison", "ended the program"), ("timeout", "longer"), ("x", "our side")])
async def test_a_dead_job_ends_its_media_and_an_operator_brings_them_back(
    parts: Parts, small: Path, code: str, words: str
) -> None:
    event = await make_queued(parts, await make_member(parts), small)
    job_id = uuid4()
    lease = NotedLease()
    lease.steps["first"] = {"generation": "s1", "piece": {"files": []}}
    await set_row(parts, event, f"status = 'processing', attempt_generation = 1, job_id = '{job_id}'")
    await parts.bucket.put_bytes(f"media/{id_of(event)}/s1/poster.jpg", b"half", "image/jpeg")
    for task, of in (("erase_media", job_id), ("transcode", uuid4())):
        await give_up_transcode(parts, job_of("give_up"), JobDied(of, "media", task, code, "It died."))
        assert (await row_of(parts, event))["status"] == "processing"
    died = JobDied(job_id, "media", "transcode", code, "It died.")
    for _ in range(2):
        await give_up_transcode(parts, job_of("give_up"), died)
    row = await row_of(parts, event)
    assert (row["status"], row["error_code"]) == ("failed", code)
    assert words in row["error_text"]
    assert await files_of(parts, event) == ["original"]
    # Nobody else's job begins them again; the operator's retry does.
    assert (await transcode(parts, run_of("job-2"), event))["status"] == "failed"
    with pytest.raises(UnplayableMedia, match=words):
        await transcode(parts, run_of(str(job_id), lease=lease), event)
    told = await transcode(parts, run_of(str(job_id), lease=lease, revived=True), event)
    assert told["status"] == "playable"
    row = await row_of(parts, event)
    assert (row["status"], row["generation"], row["error_code"], row["error_text"]) == ("playable", "s2", None, None)
    assert await list_jobs(parts, "publish_waiting") == [{"media_id": str(id_of(event))}]


async def test_one_that_never_ran_is_ended_too_unless_it_was_revived(parts: Parts, small: Path) -> None:
    """An unfit payload, or an operator who was quicker than the news of the death."""
    event = await make_queued(parts, await make_member(parts), small)
    async with parts.primary.transaction() as tx:
        (job_id,) = await parts.outbox.emit(tx, event)
        await tx.connection.execute("update media set job_id = %s where id = %s", (str(job_id), id_of(event)))
    died = JobDied(job_id, "media", "transcode", "unfit_payload", "It does not fit.")
    await give_up_transcode(parts, job_of("give_up"), died)
    assert (await row_of(parts, event))["status"] == "queued"
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("update jobs set state = 'dead' where id = %s", (job_id,))
    await give_up_transcode(parts, job_of("give_up"), died)
    assert (await row_of(parts, event))["error_code"] == "unfit_payload"


async def test_what_a_run_left_in_a_lost_moment_goes_with_the_sweeper(
    parts: Parts, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = await make_queued(parts, await make_member(parts), small)

    async def failing(*words: Any) -> Any:
        raise Retryable("Storage could not copy.")

    lease = await handed_back_after(parts, event, "first")
    with monkeypatch.context() as broken:
        broken.setattr(type(parts.bucket), "list_objects", failing)
        await transcode(parts, run_of(lease=lease), event)
    assert "s1/poster.jpg" in await files_of(parts, event)
    await finish(parts)
    post_id = uuid4()
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "insert into posts (id, account_id, visibility, status) "
            "select %s, account_id, 'private', 'published' from media where id = %s",
            (post_id, id_of(event)),
        )
        await tx.connection.execute(
            "insert into post_media (post_id, media_id, position) values (%s, %s, 0)", (post_id, id_of(event))
        )
    await set_row(parts, event, "deadline_at = now() - interval '1 s'")
    await sweep(parts)
    assert {name.split("/")[0] for name in await files_of(parts, event)} == {"original", "s2"}
