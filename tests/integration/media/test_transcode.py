"""The task on real files in real storage: what it commits, what it leaves when it fails, loses or is raced."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

import ments.media.actions.claim as claiming
import ments.media.actions.sweep as sweeping
import ments.media.actions.transcode as transcoding
import ments.media.actions.watch as watching
import originals
from ments.cache import Valkey
from ments.db import Transaction
from ments.errors import MentsError, Permanent, Retryable
from ments.media import actions, store
from ments.media.actions.watch import StreamSlots
from ments.media.events import stream_lines
from ments.media.job_events import MediaReleased, MediaUploaded, PublicAudienceWanted
from ments.media.live import Live, find_live
from ments.media.model import Audience, MediaStatus, UnplayableMedia
from ments.media.tasks import erase, open_again, publish_audience, sweep, transcode
from ments.parts import Parts
from posting import Member, NotedLease, list_jobs, make_member, open_api
from uploaded import files_of, id_of, make_queued, row_of, run_of, set_row


async def attach(parts: Parts, owner: Member, event: MediaUploaded, visibility: str = "public") -> None:
    """A post of the owner's holds the media, as posts would write it."""
    post_id = uuid4()
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "insert into posts (id, account_id, visibility, status) values (%s, %s, %s, 'published')",
            (post_id, owner.viewer.id, visibility),
        )
        await tx.connection.execute(
            "insert into post_media (post_id, media_id, position, alt_text) values (%s, %s, 0, 'A card')",
            (post_id, id_of(event)),
        )


def left_folders() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob("ments-media-*"))


@pytest.fixture
def small(tmp_path: Path) -> Path:
    return originals.make_sound(tmp_path / "small.m4a", seconds=0.5)


async def test_a_sound_is_committed_once(parts: Parts, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(small.parent))
    monkeypatch.setattr(tempfile, "tempdir", None)
    event = await make_queued(parts, await make_member(parts), small)
    lease = NotedLease()
    told = await transcode(parts, run_of(lease=lease), event)
    row = await row_of(parts, event)
    assert (row["status"], row["kind"], row["progress"], row["generation"]) == ("ready", "audio", 1.0, "s1")
    assert (row["width"], row["height"], row["poster_file"]) == (None, None, "waveform.webp")
    assert row["probe"]["container"] == "mov"
    assert [v["file"] for v in row["variants"]] == ["audio.m4a"]
    assert await files_of(parts, event) == ["original", "s1/audio.m4a", "s1/waveform.webp"]
    head = await parts.bucket.head(f"media/{id_of(event)}/s1/audio.m4a")
    assert head is not None
    assert (head.content_type, head.size) == ("audio/mp4", row["variants"][0]["bytes"])
    assert await list_jobs(parts, "publish_waiting") == [{"media_id": str(id_of(event))}]
    assert lease.progress == sorted(lease.progress)
    assert (list(lease.steps), lease.commits) == (["plan", "audio"], 1)
    assert told["media_id"] == str(id_of(event))
    assert (told["status"], told["poster"]) == ("ready", f"media/{id_of(event)}/s1/waveform.webp")
    assert [file["key"] for file in told["files"]] == [f"media/{id_of(event)}/s1/audio.m4a"]
    live = await find_live(parts.valkey, id_of(event))
    assert live is not None
    assert live.status is MediaStatus.READY
    assert left_folders() == []
    for job_id in ("job-1", "job-2"):
        assert await transcode(parts, run_of(job_id), event) == told
    assert await row_of(parts, event) == row
    assert len(await list_jobs(parts, "publish_waiting")) == 1


@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (
            lambda p: originals.written(p / "a.mp4", b"not a film"),
            "unreadable",
            "isn't a video, photo or sound",
        ),
        (
            lambda p: originals.cut(p / "b.mov", originals.make_phone_video(p / "a.mov", seconds=4), 0.6),
            "cut_off",
            "stops after",
        ),
    ],
    ids=["text", "cut"],
)
async def test_a_bad_file_ends_with_words_for_its_author(
    parts: Parts, tmp_path: Path, make: Callable[[Path], Path], code: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mara, other = await make_member(parts), await make_member(parts)
    event = await make_queued(parts, mara, make(tmp_path))
    with pytest.raises(UnplayableMedia, match=words):
        await transcode(parts, run_of(), event)
    row = await row_of(parts, event)
    assert (row["status"], row["error_code"]) == ("failed", code)
    assert await files_of(parts, event) == ["original"]
    assert left_folders() == []
    async with open_api(parts) as api:
        address = f"/api/media/{id_of(event)}"
        shown = (await api.get(address, headers=mara.headers)).json()
        assert shown["error"] == {"code": code, "message": row["error_text"], "can_retry": False}
        assert words in shown["error"]["message"]
        assert (await api.get(address, headers=other.headers)).status_code == 404
    # The job's next run, should its worker have died, ends alike; another job changes nothing.
    with pytest.raises(UnplayableMedia, match=words):
        await transcode(parts, run_of(), event)
    assert (await transcode(parts, run_of("job-2"), event))["status"] == "failed"
    assert await row_of(parts, event) == row


async def test_a_missing_or_other_original_fails(parts: Parts, small: Path) -> None:
    mara = await make_member(parts)
    event = await make_queued(parts, mara, small)
    await parts.bucket.delete(event.key)
    with pytest.raises(Permanent, match="not in storage"):
        await transcode(parts, run_of(), event)
    other = await make_queued(parts, mara, small, size=7)
    with pytest.raises(Permanent, match="not the one that was announced"):
        await transcode(parts, run_of(), other)
    assert (await row_of(parts, other))["error_code"] == "size_mismatch"
    for key in ("media/../secret", f"media/{uuid4()}/original"):
        with pytest.raises(Permanent):
            await transcode(parts, run_of(), MediaUploaded(key, {}))


async def test_trouble_of_ours_is_tried_again_and_ends_with_the_job(
    parts: Parts, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = await make_queued(parts, await make_member(parts), small)
    job_id = str(uuid4())
    with monkeypatch.context() as broken:
        broken.setattr("ments.media.kept_originals._RESERVE_BYTES", 2**60)
        for attempt in (1, 3):
            with pytest.raises(Retryable):
                await transcode(parts, run_of(job_id, attempt), event)
            assert (await row_of(parts, event))["status"] == "processing"
    await transcode(parts, run_of(job_id, 3), event)
    row = await row_of(parts, event)
    assert (row["status"], row["generation"]) == ("ready", "s3")


async def test_another_job_takes_over_only_from_a_silent_one(parts: Parts, small: Path) -> None:
    event = await make_queued(parts, await make_member(parts), small)
    async with parts.primary.transaction() as tx:
        assert await store.claim_media(tx, id_of(event), "job-1")
    await transcode(parts, run_of("job-2"), event)
    assert (await row_of(parts, event))["status"] == "processing"
    await set_row(parts, event, "deadline_at = now() - interval '1 s'")
    await transcode(parts, run_of("job-2"), event)
    assert (await row_of(parts, event))["generation"] == "s2"


async def test_a_try_that_lost_changes_nothing_and_leaves_nothing(
    parts: Parts, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The media go to a later try between the storing and the commit, and to an eraser during the encode."""
    event = await make_queued(parts, await make_member(parts), small)
    real = store.commit_generation

    async def overtaken(*words: Any) -> Audience | None:
        await set_row(parts, event, "attempt_generation = attempt_generation + 1, job_id = 'job-2'")
        return await real(*words)

    with monkeypatch.context() as raced:
        raced.setattr(store, "commit_generation", overtaken)
        await transcode(parts, run_of(), event)
    row = await row_of(parts, event)
    assert (row["status"], row["generation"], row["variants"]) == ("processing", None, [])
    assert await files_of(parts, event) == ["original"]
    assert await list_jobs(parts, "publish_waiting") == []

    monkeypatch.setattr("ments.media.actions.claim._BEAT_S", 0.0)
    erased = await make_queued(parts, await make_member(parts), small)
    running = asyncio.create_task(transcode(parts, run_of(), erased))
    for _ in range(500):
        if (await row_of(parts, erased))["status"] == "processing":
            break
        await asyncio.sleep(0.02)
    await erase(parts, run_of(), MediaReleased((id_of(erased),)))
    await running
    assert (await row_of(parts, erased))["status"] == "erased"
    assert await files_of(parts, erased) == []


async def test_what_was_committed_stays_when_its_answer_is_lost(
    parts: Parts, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks after the commit; and the heartbeat finds the media finished while the news is being told."""
    real = parts.primary.transaction

    @asynccontextmanager
    async def breaking() -> AsyncIterator[Transaction]:
        async with real() as tx:
            yield tx
        if (await row_of(parts, event))["status"] == "ready":
            monkeypatch.setattr(parts.primary, "transaction", real)
            raise psycopg.OperationalError("the connection is lost")

    event = await make_queued(parts, await make_member(parts), small)
    monkeypatch.setattr(parts.primary, "transaction", breaking)
    with pytest.raises(psycopg.OperationalError):
        await transcode(parts, run_of(), event)
    assert await files_of(parts, event) == ["original", "s1/audio.m4a", "s1/waveform.webp"]
    await transcode(parts, run_of(attempt=2), event)
    assert (await row_of(parts, event))["generation"] == "s1"
    assert await files_of(parts, event) == ["original", "s1/audio.m4a", "s1/waveform.webp"]

    told = await make_queued(parts, await make_member(parts), small)
    real_tell = transcoding.tell_live

    async def slowly(valkey: Valkey, media_id: UUID, live: Live) -> None:
        await asyncio.sleep(1.5)
        await real_tell(valkey, media_id, live)

    monkeypatch.setattr(claiming, "_BEAT_S", 0.0)
    monkeypatch.setattr(transcoding, "tell_live", slowly)
    await transcode(parts, run_of(), told)
    assert (await row_of(parts, told))["generation"] == "s1"
    assert await files_of(parts, told) == ["original", "s1/audio.m4a", "s1/waveform.webp"]


async def test_posted_while_prepared_costs_no_copy(parts: Parts, small: Path) -> None:
    mara = await make_member(parts)
    event = await make_queued(parts, mara, small)
    await publish_audience(parts, run_of(), PublicAudienceWanted(id_of(event)))
    assert await list_jobs(parts, "publish_waiting") == []
    await transcode(parts, run_of(), event)
    assert (await row_of(parts, event))["generation"] == "p1"
    assert await files_of(parts, event) == ["original", "p1/audio.m4a", "p1/waveform.webp"]


async def test_posted_after_it_was_finished_it_is_copied(parts: Parts, small: Path) -> None:
    mara, other = await make_member(parts), await make_member(parts)
    event = await make_queued(parts, mara, small)
    await transcode(parts, run_of(), event)
    address = f"/api/media/{id_of(event)}"
    async with open_api(parts) as api:
        mine = (await api.get(address, headers=mara.headers)).json()
        assert mine["media_url"].startswith("/m/1.")
        assert (mine["filename"], mine["hls_url"]) == ("small.m4a", None)
        assert [v["name"] for v in mine["variants"]] == ["audio"]
        for headers in (other.headers, {}):
            assert (await api.get(address, headers=headers)).status_code == 404
            assert (await api.get(f"{address}/events", headers=headers)).status_code == 404
        await attach(parts, mara, event, "private")
        assert (await api.get(address, headers=other.headers)).status_code == 404
        async with parts.primary.transaction() as tx:
            await tx.connection.execute("update posts set visibility = 'public'")
        # Seen by everybody now: members get a signed URL, which is for nobody else, and visitors have to wait.
        seen = (await api.get(address, headers=other.headers)).json()
        assert seen["media_url"].startswith("/m/1.")
        assert seen["filename"] is None
        seen = (await api.get(address)).json()
        assert (seen["media_url"], seen["poster_url"], seen["variants"], seen["filename"]) == (None, None, [], None)
        await asyncio.gather(*(publish_audience(parts, run_of(), PublicAudienceWanted(id_of(event))) for _ in range(3)))
        await publish_audience(parts, run_of(), PublicAudienceWanted(id_of(event)))
        row = await row_of(parts, event)
        assert row["generation"].startswith("p")
        assert row["audience"] == "public"
        seen = (await api.get(address)).json()
        assert seen["media_url"] == f"/p/{id_of(event)}/{row['generation']}/audio.m4a"
        assert seen["poster_url"] == f"/p/{id_of(event)}/{row['generation']}/waveform.webp"
        assert seen["alt_text"] == "A card"
    head = await parts.bucket.head(f"media/{id_of(event)}/{row['generation']}/audio.m4a")
    assert head is not None
    assert head.content_type == "audio/mp4"
    # The older folders go once their URLs are old.
    await set_row(parts, event, "deadline_at = now() - interval '1 s'")
    await sweep(parts)
    generation = row["generation"]
    assert await files_of(parts, event) == ["original", f"{generation}/audio.m4a", f"{generation}/waveform.webp"]
    assert (await row_of(parts, event))["deadline_at"] is None


async def test_taken_by_a_post_between_storing_and_commit(
    parts: Parts, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = await make_queued(parts, await make_member(parts), small)
    real = store.commit_generation

    async def posted(*words: Any) -> Audience | None:
        await publish_audience(parts, run_of(), PublicAudienceWanted(id_of(event)))
        return await real(*words)

    monkeypatch.setattr(store, "commit_generation", posted)
    # The row is not locked yet when this runs, so both sides get on.
    await transcode(parts, run_of(), event)
    assert (await row_of(parts, event))["generation"] == "s1"
    assert await list_jobs(parts, "publish_audience") == [{"media_id": str(id_of(event))}]
    await publish_audience(parts, run_of(), PublicAudienceWanted(id_of(event)))
    assert (await row_of(parts, event))["generation"] == "p2"


async def test_what_no_post_holds_is_erased(parts: Parts, small: Path) -> None:
    mara = await make_member(parts)
    loose, held = await make_queued(parts, mara, small), await make_queued(parts, mara, small)
    for event in (loose, held):
        await transcode(parts, run_of(), event)
    await attach(parts, mara, held)
    await sweep(parts)
    assert (await row_of(parts, loose))["status"] == "ready"
    for event in (loose, held):
        await set_row(parts, event, "deadline_at = now() - interval '1 s'")
    await sweep(parts)
    gone, kept = await row_of(parts, loose), await row_of(parts, held)
    assert (gone["status"], gone["epoch"], gone["variants"], gone["filename"]) == ("erased", 2, [], "")
    assert await files_of(parts, loose) == []
    assert kept["status"] == "ready"
    # A task that comes too late, or twice, erases nothing that a post holds.
    await erase(parts, run_of(), MediaReleased((id_of(held), id_of(loose), uuid4())))
    assert (await row_of(parts, held))["status"] == "ready"
    async with parts.primary.transaction() as tx:
        await tx.connection.execute("delete from post_media")
    for _ in range(2):
        await erase(parts, run_of(), MediaReleased((id_of(held),)))
    assert (await row_of(parts, held))["status"] == "erased"
    assert await files_of(parts, held) == []


async def test_a_post_that_takes_media_while_they_are_erased_keeps_them(parts: Parts, small: Path) -> None:
    """The eraser waits for the post's transaction, and must then see what it has written."""
    mara = await make_member(parts)
    event = await make_queued(parts, mara, small)
    await transcode(parts, run_of(), event)
    post_id = uuid4()
    async with parts.primary.transaction() as tx:
        await store.lock_media(tx, id_of(event))
        erasing = asyncio.create_task(erase(parts, run_of(), MediaReleased((id_of(event),))))
        await asyncio.sleep(0.5)
        await tx.connection.execute(
            "insert into posts (id, account_id, visibility, status) values (%s, %s, 'public', 'waiting')",
            (post_id, mara.viewer.id),
        )
        await tx.connection.execute(
            "insert into post_media (post_id, media_id, position) values (%s, %s, 0)", (post_id, id_of(event))
        )
        await tx.connection.execute("update media set audience = 'public' where id = %s", (id_of(event),))
    await erasing
    assert (await row_of(parts, event))["status"] == "ready"
    assert await files_of(parts, event) == ["original", "s1/audio.m4a", "s1/waveform.webp"]


async def test_a_public_copy_whose_job_was_lost_is_asked_for_again(parts: Parts, small: Path) -> None:
    mara = await make_member(parts)
    event, loose = await make_queued(parts, mara, small), await make_queued(parts, mara, small)
    await transcode(parts, run_of(), event)
    await attach(parts, mara, event)
    for wanted in (event, loose):
        await set_row(parts, wanted, "audience = 'public', generation = 's1', status = 'ready'")
    await open_again(parts)
    assert await list_jobs(parts, "publish_audience") == []
    for sent in (1, 2):
        # The pause doubles each time.
        for wanted in (event, loose):
            await set_row(parts, wanted, f"updated_at = now() - interval '{6 * sent} minutes'")
        for _ in range(2):
            await open_again(parts)
        assert await list_jobs(parts, "publish_audience") == [{"media_id": str(id_of(event))}] * sent
    await publish_audience(parts, run_of(), PublicAudienceWanted(id_of(event)))
    assert (await row_of(parts, event))["generation"] == "p2"
    await set_row(parts, event, "updated_at = now() - interval '2 days'")
    await open_again(parts)
    assert len(await list_jobs(parts, "publish_audience")) == 2


async def test_a_copy_that_is_being_made_is_not_tidied_away(parts: Parts, small: Path) -> None:
    mara = await make_member(parts)
    event = await make_queued(parts, mara, small)
    await transcode(parts, run_of(), event)
    await attach(parts, mara, event)
    await parts.bucket.put_bytes(f"media/{id_of(event)}/s0/audio.m4a", b"old", "video/mp4")
    await parts.bucket.put_bytes(f"media/{id_of(event)}/p2/audio.m4a", b"half", "video/mp4")
    await set_row(parts, event, "attempt_generation = 2, deadline_at = now() - interval '1 s'")
    await sweep(parts)
    assert await files_of(parts, event) == ["original", "p2/audio.m4a", "s1/audio.m4a", "s1/waveform.webp"]


async def test_one_that_cannot_be_swept_does_not_stop_the_rest(
    parts: Parts, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mara = await make_member(parts)
    stuck, loose = await make_queued(parts, mara, small), await make_queued(parts, mara, small)
    for event, ago in ((stuck, 20), (loose, 10)):
        await transcode(parts, run_of(), event)
        await set_row(parts, event, f"deadline_at = now() - interval '{ago} s'")
    real = sweeping.erase_media

    async def failing(parts: Parts, media_id: UUID) -> bool:
        if media_id == id_of(stuck):
            raise RuntimeError("nobody thought of this")
        return await real(parts, media_id)

    monkeypatch.setattr(sweeping, "erase_media", failing)
    await sweep(parts)
    assert (await row_of(parts, loose))["status"] == "erased"
    row = await row_of(parts, stuck)
    assert row["status"] == "ready"
    # It comes back later, and is not in front of all others until then.
    assert row["deadline_at"] > datetime.now(UTC) + timedelta(minutes=4)


@pytest.mark.parametrize("status", ["queued", "processing"])
async def test_what_lasts_too_long_is_left_to_the_ledger_and_given_up_when_that_has_no_job(
    parts: Parts, small: Path, status: str
) -> None:
    mara = await make_member(parts)
    known, older, lost = [await make_queued(parts, mara, small) for _ in range(3)]
    async with parts.primary.transaction() as tx:
        (job_id,) = await parts.outbox.emit(tx, known)
        await parts.outbox.emit(tx, older)
    for event in (known, older, lost):
        await set_row(parts, event, f"status = '{status}'")
    await set_row(parts, known, f"job_id = '{job_id}'")
    await sweep(parts)
    for event in (known, older, lost):
        await set_row(parts, event, "deadline_at = now() - interval '1 s'")
    await sweep(parts)
    for event in (known, older):
        row = await row_of(parts, event)
        assert row["status"] == status
        assert row["deadline_at"] > datetime.now(UTC) + timedelta(minutes=4)
    row = await row_of(parts, lost)
    assert (row["status"], row["error_code"]) == ("failed", "never_finished")
    assert len(await list_jobs(parts, "transcode")) == 2


async def test_watching_ends_with_the_final_state(parts: Parts, small: Path) -> None:
    mara = await make_member(parts)
    event = await make_queued(parts, mara, small)
    seen: list[tuple[MediaStatus, float]] = []
    begun = asyncio.Event()

    async def watch() -> None:
        async for shown in actions.watch_media(parts, mara.viewer.id, id_of(event)):
            if shown is not None:
                seen.append((shown.status, shown.progress))
            begun.set()

    watching = asyncio.create_task(watch())
    await asyncio.wait_for(begun.wait(), 30)
    await transcode(parts, run_of(), event)
    await asyncio.wait_for(watching, 30)
    assert seen[0][0] is MediaStatus.QUEUED
    assert seen[-1] == (MediaStatus.READY, 1.0)
    assert [progress for _, progress in seen] == sorted(progress for _, progress in seen)


async def test_streams_are_bounded_and_given_back(parts: Parts, small: Path) -> None:
    mara = await make_member(parts)
    event = await make_queued(parts, mara, small)
    await set_row(parts, event, "status = 'failed', error_code = 'x', error_text = 'y'")
    async with open_api(parts) as api:
        for _ in range(14):
            answer = await api.get(f"/api/media/{id_of(event)}/events", headers=mara.headers)
            assert answer.status_code == 200
            assert answer.text.endswith("event: end\ndata: {}\n\n")
        names = {f"other-{n}": 4_000_000_000.0 for n in range(12)}
        await parts.valkey.client.zadd(f"media:streams:{mara.viewer.id}", names)
        refused = await api.get(f"/api/media/{id_of(event)}/events", headers=mara.headers)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")


async def test_the_streams_of_one_process_leave_room_for_other_requests(
    parts: Parts, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many accounts somebody makes; and a stream that ends gives its place back."""
    monkeypatch.setattr(watching, "STREAMS_A_PROCESS", 3)
    event = await make_queued(parts, await make_member(parts), small)
    media_id = id_of(event)
    open_streams = []
    for n in range(3):
        slots = StreamSlots(parts, f"person-{n}", "s")
        await slots.enter()
        lines = stream_lines(parts, None, media_id, slots)
        assert await anext(lines) == b"retry: 3000\n\n"
        open_streams.append(lines)
    with pytest.raises(MentsError) as refused:
        await StreamSlots(parts, "person-4", "s").enter()
    assert refused.value.problem_code == "too_many_streams"
    await open_streams.pop().aclose()
    await StreamSlots(parts, "person-5", "s").enter()
    for lines in open_streams:
        await lines.aclose()
