"""The worker's disk is full: jobs wait until there is room, however often they are tried."""

from __future__ import annotations

from typing import Any

import pytest
from fault_books import Books
from fault_fleet import Fleet

_RECOVERED_S = 60.0

_ALL_PUT_OFF = """
select count(*) >= %(jobs)s from jobs j where j.payload ->> 'batch' = 'disk' and j.postponed > 0
  and exists (select from fault_runs r where r.batch = 'disk' and r.id::text = j.payload ->> 'id')
"""


@pytest.mark.timeout(240)
async def test_jobs_wait_for_room_on_the_disk(fleet: Fleet, books: Books, jobs: int, recovery: Any) -> None:
    fleet.relay()
    worker = fleet.work(full_disk=True)
    fleet.produce("FileAsked", "disk", jobs)
    fleet.produce("EffectAsked", "disk-others", jobs)
    # What needs no disk goes on.
    await books.settle("disk-others", jobs, within_s=60)
    # Room is made when each was tried and put off, not when some were tried again and others not at all.
    await books.until(_ALL_PUT_OFF, within_s=60 + jobs / 10, jobs=jobs)
    assert books.count("disk").effects == 0
    hit = books.now()
    fleet.make_room(worker)
    await books.settle("disk", jobs, within_s=90)
    await books.close()
    used = books.rows(
        "select sum(attempts) as attempts, min(postponed) as postponed from jobs where task = 'file_effect'"
    )[0]
    assert used["attempts"] == 0
    assert used["postponed"] > 0
    seconds = books.seconds_until_done("disk", hit)
    assert recovery.note("disk_full", seconds, "room again until all is done") < _RECOVERED_S
