"""`ments jobs`: what is queued, running, done and dead, what to do about it, and proof that nothing was lost."""

from __future__ import annotations

import json
from typing import Annotated, Any
from uuid import UUID

from cyclopts import App, Parameter

from ments.cli.options import AsJson, HomePath, fail, keep_to_one_line, settings_of, with_parts

jobs_app = App(name="jobs", help="Look at the jobs of a deployment, and do something about those that stopped.")
All = Annotated[bool, Parameter(name="--all", negative=())]
_LIST_MOST = 1_000


@jobs_app.command(name="stats")
def jobs_stats(*, home: HomePath | None = None, as_json: AsJson = False) -> None:
    """Count the jobs by queue and state, the workers, and what the outbox still holds.

    Parameters
    ----------
    home
        The home that was given to `ments up`.
    as_json
        Print {queues: {NAME: {STATE: jobs, workers, ledger: {...}}}, outbox: {unsent, oldest_s}, workers: [...]}.
    """
    from ments.jobs.stats import read_stats, stats_lines

    keep_to_one_line()
    found = read_stats(settings_of(home))
    print(json.dumps(found, indent=1) if as_json else "\n".join(stats_lines(found)))


@jobs_app.command(name="list")
def jobs_list(
    *,
    queue: str | None = None,
    state: str | None = None,
    task: str | None = None,
    limit: int = 50,
    home: HomePath | None = None,
    as_json: AsJson = False,
) -> None:
    """List jobs: those that wait or run, the oldest first; or with --state those that ended, the newest first.

    Parameters
    ----------
    queue
        Of this queue only.
    state
        accepted, queued, running, done, dead or discarded.
    task
        Of this task only.
    limit
        At most so many, up to 1000.
    home
        The home that was given to `ments up`.
    as_json
        Print {jobs: [...]}.
    """
    from ments.cli.job_lines import list_lines
    from ments.operations.store import list_jobs

    n = _limit(limit)
    jobs = with_parts(home, lambda parts: list_jobs(parts, queue=queue, state=state, task=task, n=n))
    _print({"jobs": jobs}, list_lines(jobs), as_json=as_json)


@jobs_app.command(name="dead")
def jobs_dead(
    *,
    queue: str | None = None,
    task: str | None = None,
    code: str | None = None,
    cause: str | None = None,
    limit: int = 20,
    home: HomePath | None = None,
    as_json: AsJson = False,
) -> None:
    """List dead letters with their causes, the newest first.

    Parameters
    ----------
    queue
        Of this queue only.
    task
        Of this task only.
    code
        With this code only.
    cause
        With this text in the cause.
    limit
        At most so many, up to 1000.
    home
        The home that was given to `ments up`.
    as_json
        Print {jobs: [...]}.
    """
    from ments.cli.job_lines import dead_lines
    from ments.jobs.ledger.dead import DeadFilter
    from ments.operations.store import list_dead_letters

    n, which = _limit(limit), DeadFilter(queue, task, code, cause)
    jobs = with_parts(home, lambda parts: list_dead_letters(parts, which, n=n))
    _print({"jobs": jobs}, dead_lines(jobs), as_json=as_json)


@jobs_app.command(name="show")
def jobs_show(job_id: UUID, /, *, home: HomePath | None = None, as_json: AsJson = False) -> None:
    """Show all that is known of a job: cause, stack traces, payload, steps, times.

    Parameters
    ----------
    job_id
        Its id, as the lists print it.
    home
        The home that was given to `ments up`.
    as_json
        Print the job as an object.
    """
    from ments.cli.job_lines import job_lines
    from ments.operations.store import read_job

    job = with_parts(home, lambda parts: read_job(parts, job_id))
    _print(job, job_lines(job), as_json=as_json)


@jobs_app.command(name="retry")
def jobs_retry(
    *ids: UUID,
    queue: str | None = None,
    task: str | None = None,
    code: str | None = None,
    cause: str | None = None,
    everything: All = False,
    home: HomePath | None = None,
    as_json: AsJson = False,
) -> None:
    """Give dead letters another life: those named, those that fit all filters, or with --all every one.

    Parameters
    ----------
    ids
        Jobs, by id.
    queue
        Those of this queue.
    task
        Those of this task.
    code
        Those with this code.
    cause
        Those with this text in the cause.
    everything
        Every dead letter.
    home
        The home that was given to `ments up`.
    as_json
        Print {retried, complete}.
    """
    from ments.operations.actions import retry_selected
    from ments.operations.model import Selection

    chosen = Selection(queue, task, code, cause, ids=ids or None, all=everything)
    outcome = with_parts(home, lambda parts: retry_selected(parts, None, chosen, within_s=None))
    _say(outcome.changed, len(ids), "retried", as_json=as_json)


@jobs_app.command(name="discard")
def jobs_discard(
    *ids: UUID,
    queue: str | None = None,
    task: str | None = None,
    code: str | None = None,
    cause: str | None = None,
    everything: All = False,
    home: HomePath | None = None,
    as_json: AsJson = False,
) -> None:
    """Give dead letters up: those named, those that fit all filters, or with --all every one. Their history is kept.

    Parameters
    ----------
    ids
        Jobs, by id.
    queue
        Those of this queue.
    task
        Those of this task.
    code
        Those with this code.
    cause
        Those with this text in the cause.
    everything
        Every dead letter.
    home
        The home that was given to `ments up`.
    as_json
        Print {discarded, complete}.
    """
    from ments.operations.actions import discard_selected
    from ments.operations.model import Selection

    chosen = Selection(queue, task, code, cause, ids=ids or None, all=everything)
    outcome = with_parts(home, lambda parts: discard_selected(parts, None, chosen, within_s=None))
    _say(outcome.changed, len(ids), "discarded", as_json=as_json)


@jobs_app.command(name="prove")
def jobs_prove(*, wait: float = 30.0, home: HomePath | None = None, as_json: AsJson = False) -> None:
    """Balance the books: every accepted job is done, pending, dead or discarded. The exit status is 0 only then.

    Parameters
    ----------
    wait
        Seconds to wait for what is on its way, for example after a part was restarted.
    home
        The home that was given to `ments up`.
    as_json
        Print {balanced, accepted, done, pending, dead, discarded, unaccounted, queues, causes}.
    """
    from ments.jobs.prove import books_lines, prove

    books = prove(settings_of(home), wait)
    _print(books, books_lines(books), as_json=as_json)
    if not books.balanced:
        raise SystemExit(1)


def _limit(limit: int) -> int:
    if not 1 <= limit <= _LIST_MOST:
        fail(f"--limit goes from 1 to {_LIST_MOST}.")
    return limit


def _say(changed: int, named: int, verb: str, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps({verb: changed, "complete": True}))
    else:
        print(f"{changed} {verb}")
    if named > changed:
        fail(f"No dead letters: {named - changed} of the {named} named. `ments jobs show ID` says what they are.")


def _print(found: Any, lines: list[str], *, as_json: bool) -> None:
    if as_json:
        import msgspec

        print(msgspec.json.format(msgspec.json.encode(found), indent=1).decode())
    else:
        print("\n".join(lines))
