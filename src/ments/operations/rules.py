"""How the jobs are doing, in words, and which dead letters a choice means. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ments.jobs.ledger.dead import DeadFilter
from ments.jobs.ledger.overview import Overview, QueueDepth, slots_by_queue
from ments.jobs.model import LEASE_S
from ments.operations.model import IDS_MOST, Mood, Selection, UnclearSelection, Verdict

SLOW_S: Mapping[str, float] = {"media": 300.0, "ladder": 6 * 3600.0}
"""For how long the oldest of a queue may wait before it is worth a look. Encoding takes its time, other work does not."""
_SLOW_OTHERWISE_S = 30.0
_UNSENT_S = 10.0


def judge(ledger: Overview, *, valkey_answers: bool) -> Verdict:
    """Say how the jobs are doing: the worst first, the rest counted in the title."""
    troubles = list_troubles(ledger, valkey_answers=valkey_answers)
    watches = list_watches(ledger)
    if troubles:
        return Verdict(Mood.TROUBLE, "Jobs are held up", " ".join([*troubles, *watches]))
    if watches:
        many = "one thing" if len(watches) == 1 else f"{_number(len(watches))} things"
        return Verdict(Mood.WATCH, f"Healthy, with {many} to watch", " ".join(watches))
    busy = sum(depth.running for depth in ledger.queues)
    waiting = sum(depth.waiting for depth in ledger.queues)
    if busy or waiting:
        return Verdict(
            Mood.WELL, "Healthy", f"{_jobs(busy)} {_verb(busy, 'run')}, {waiting:,} {_verb(waiting, 'wait')}."
        )
    return Verdict(Mood.WELL, "Healthy", "Nothing waits.")


def list_troubles(ledger: Overview, *, valkey_answers: bool) -> list[str]:
    """List what keeps jobs from running, a sentence each with the way out."""
    found = []
    if not valkey_answers:
        found.append("Valkey does not answer: jobs are accepted and wait in Postgres, and run once it is back.")
    slots = slots_by_queue(ledger.workers)
    found += [
        f"No worker takes {depth.queue} jobs, and {depth.waiting:,} {_verb(depth.waiting, 'wait')}:"
        f" start `ments worker --queues {depth.queue}`."
        for depth in ledger.queues
        if depth.waiting and depth.queue not in slots
    ]
    if valkey_answers and ledger.unsent and ledger.unsent_oldest_s > _UNSENT_S:
        found.append(
            f"{_jobs(ledger.unsent)} {'has' if ledger.unsent == 1 else 'have'} not been put into the queue for"
            f" {span(ledger.unsent_oldest_s)}: is `ments relay` running?"
        )
    return found


def list_watches(ledger: Overview) -> list[str]:
    """List what goes on and is worth a look."""
    found = [
        f"The oldest {depth.queue} job has waited for {span(depth.oldest_s or 0)}."
        for depth in ledger.queues
        if is_slow(depth) and depth.queue in slots_by_queue(ledger.workers)
    ]
    silent = [job for worker in ledger.workers for job in worker.running if job.silent_s > LEASE_S]
    lost = len(silent) + len(ledger.strays)
    if lost:
        found.append(f"{_jobs(lost)} ran under a worker that has gone silent; another takes over.")
    dead = sum(depth.dead for depth in ledger.queues)
    if dead:
        found.append(f"{_jobs(dead)} stopped and {_verb(dead, 'need')} a decision.")
    return found


def is_slow(depth: QueueDepth) -> bool:
    """Whether a queue's oldest job has waited for longer than is usual for it."""
    return depth.oldest_s is not None and depth.oldest_s > SLOW_S.get(depth.queue, _SLOW_OTHERWISE_S)


def filter_of(selection: Selection) -> DeadFilter:
    """Turn a choice into the filter that it means; empty texts, as forms send them, stand for no filter.

    Raises UnclearSelection when nothing is chosen, or `all` and something beside it.
    """
    which = DeadFilter(
        selection.queue or None, selection.task or None, selection.code or None, selection.q or None, selection.since
    )
    is_narrow = which != DeadFilter() or selection.ids is not None
    if selection.all and is_narrow:
        raise UnclearSelection("Choose all dead letters, or some by id or filter; not both.")
    if not selection.all and not is_narrow:
        raise UnclearSelection("Say which dead letters: by id, by queue, task, code or cause, or all of them.")
    if selection.ids is not None and not 0 < len(selection.ids) <= IDS_MOST:
        raise UnclearSelection(f"Name 1 to {IDS_MOST:,} jobs by id; for more there are filters.")
    return which


def span(seconds: float) -> str:
    """Write a length of time with one unit: 4 ms, 1.4 s, 12 s, 9 min, 2 h, 3 days."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds // 3600:.0f} h"
    return f"{seconds // 86400:.0f} days"


def _jobs(number: int) -> str:
    return "1 job" if number == 1 else f"{number:,} jobs"


def _verb(number: int, verb: str) -> str:
    return verb + "s" if number == 1 else verb


def _number(number: int) -> str:
    words = ("two", "three", "four", "five", "six", "seven", "eight", "nine")
    return words[number - 2] if number < 10 else str(number)
