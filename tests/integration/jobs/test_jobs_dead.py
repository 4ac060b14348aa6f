"""Dead letters in the ledger: given another life, or given up, by one operator or by two at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from dead_letters import bury, count_states, rows_of
from ments.db.keyset import Place
from ments.jobs.ledger import Claimed, Ledger, Refused
from ments.jobs.ledger.dead import DeadFilter, discard, list_dead, list_dead_kinds, revive
from ments.jobs.model import QueuedJob
from ments.parts import Parts


async def test_a_retried_job_begins_again_and_its_run_knows(parts: Parts) -> None:
    (job_id,) = await bury(parts)
    sent: list[QueuedJob] = []
    outcome = await revive(parts.primary, DeadFilter(), [job_id], send=sent.extend)
    assert (outcome.changed, outcome.complete) == (1, True)
    (row,) = await rows_of(parts, "select * from jobs where id = %s", job_id)
    assert (row["state"], row["generation"], row["lease"]) == ("accepted", 2, 4)
    assert (row["attempts"], row["crashes"], row["postponed"], row["finished_at"]) == (0, 0, 0, None)
    # Why it died stays until it succeeds.
    assert row["cause"].startswith("The file stops")
    assert len(row["stacks"]) == 2
    assert [(job.id, job.generation, job.payload["n"]) for job in sent] == [(job_id, 2, 1)]

    ledger = Ledger(parts.primary, "somebody")
    assert isinstance(await ledger.claim(job_id, 1, 60.0), Refused)
    claimed = await ledger.claim(job_id, 2, 60.0)
    assert isinstance(claimed, Claimed)
    assert (claimed.revived, claimed.lease, claimed.attempts) == (True, 5, 0)
    assert await ledger.complete(job_id, claimed.lease)


async def test_three_thousand_are_retried_by_filter_and_no_other(parts: Parts) -> None:
    await bury(parts, 3_000, task="fold", cause="Storage is full")
    others = await bury(parts, 20, task="press", cause="Storage is full")
    sent: list[QueuedJob] = []
    outcome = await revive(parts.primary, DeadFilter(task="fold", text="STORAGE"), send=sent.extend)
    assert (outcome.changed, outcome.complete) == (3_000, True)
    assert await count_states(parts) == {"accepted": 3_000, "dead": 20}
    # The first batch is sent at once, the rest is the relay's.
    assert 0 < len(sent) <= 500
    left = await rows_of(parts, "select id from jobs where state = 'dead'")
    assert {row["id"] for row in left} == set(others)


async def test_two_operators_at_once_take_each_job_once(parts: Parts) -> None:
    accounts = [uuid4() for _ in range(7)]
    for account_id in accounts:
        await bury(parts, 300, queue="media", account_id=account_id)
    outcomes = await asyncio.gather(
        revive(parts.primary, DeadFilter()),
        revive(parts.primary, DeadFilter(queue="media")),
        discard(parts.primary, DeadFilter(code="permanent")),
        discard(parts.primary, DeadFilter()),
    )
    assert sum(outcome.changed for outcome in outcomes) == 2_100
    states = await count_states(parts)
    assert states.keys() <= {"accepted", "discarded"}
    assert states.get("accepted", 0) == outcomes[0].changed + outcomes[1].changed
    assert await rows_of(parts, "select id from jobs where generation > 2") == []


async def test_a_retried_job_takes_its_turn_behind_what_waits(parts: Parts) -> None:
    account_id = uuid4()
    (job_id,) = await bury(parts, queue="media", account_id=account_id, turn=1)
    async with parts.primary.transaction() as tx:
        await tx.connection.execute(
            "insert into jobs (id, queue, task, payload, state, attempts_max, backoff_s, account_id, turn)"
            " values (%s, 'media', 'fold', '{}', 'queued', 3, 2, %s, 9)",
            (uuid4(), account_id),
        )
    await revive(parts.primary, DeadFilter())
    (row,) = await rows_of(parts, "select turn from jobs where id = %s", job_id)
    assert row["turn"] == 10


async def test_only_dead_letters_are_touched_and_time_can_be_bounded(parts: Parts) -> None:
    ids = await bury(parts, 1_200)
    assert (await discard(parts.primary, DeadFilter(), ids[:10])).changed == 10
    # Discarded is final.
    assert (await revive(parts.primary, DeadFilter(), ids[:10])).changed == 0
    first = await revive(parts.primary, DeadFilter(), within_s=0)
    assert (first.changed, first.complete) == (500, False)
    rest = await revive(parts.primary, DeadFilter(), within_s=60)
    assert (rest.changed, rest.complete) == (690, True)
    assert await count_states(parts) == {"accepted": 1_190, "discarded": 10}


async def test_pages_filters_and_kinds(parts: Parts) -> None:
    slow = await bury(parts, 30, queue="media", task="transcode", code="timeout", cause="It took 100% too_long")
    await bury(parts, 4, task="fold")
    async with parts.primary.session() as session:
        found = await list_dead(session, DeadFilter(queue="media"), Place.last(), 20)
        assert [job.id for job in found] == slow[:20]
        assert (found[0].payload, found[0].stacks) == (None, ())
        place = Place(found[-1].finished_at or datetime.now(UTC), found[-1].id)
        rest = await list_dead(session, DeadFilter(queue="media"), place, 20)
        assert [job.id for job in rest] == slow[20:]
        # Signs that mean something in SQL are text here.
        for text, many in (("100% TOO_", 30), ("100%%", 0), ("1__%", 0), ("(7)", 1)):
            got = await list_dead(session, DeadFilter(code="timeout", text=text), Place.last(), 50)
            assert len(got) == many, text
        since = datetime.now(UTC) - timedelta(seconds=10.5)
        recent = await list_dead(session, DeadFilter(since=since, task="transcode"), Place.last(), 50)
        assert 8 <= len(recent) <= 11
        kinds = await list_dead_kinds(session)
    assert [(kind.queue, kind.task, kind.code, kind.jobs) for kind in kinds] == [
        ("media", "transcode", "timeout", 30),
        ("default", "fold", "permanent", 4),
    ]
