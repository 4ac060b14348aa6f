"""The operators' pages: how the jobs stand, one job with all that is known of it, and what to do about dead letters.

Every one works as a plain page with plain forms; a script asks for the numbers again while somebody looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from ments.accounts.model import Viewer
from ments.accounts.pages import go_to
from ments.jobs.ledger.dead import DeadFilter, DeadKind
from ments.jobs.ledger.overview import slots_by_queue
from ments.operations import actions, store
from ments.operations.model import JobNotDead, Selection, UnclearSelection
from ments.operations.rules import filter_of, is_slow, span
from ments.parts import Parts
from ments.web.pages import render, render_piece

Asked = Request[Any, Any, Any]
_FIELDS = ("queue", "task", "code", "q")
_NOTICE_MOST = 10**9


@get("/ops", include_in_schema=False)
async def start(request: Asked, operator: NamedDependency[Viewer]) -> Response[Any]:
    """Go where operators look first."""
    return go_to(request, "/ops/jobs")


@get("/ops/jobs", include_in_schema=False)
async def jobs_page(
    request: Asked,
    parts: NamedDependency[Parts],
    operator: NamedDependency[Viewer],
    queue: FromQuery[str | None] = None,
    task: FromQuery[str | None] = None,
    code: FromQuery[str | None] = None,
    q: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
    retried: FromQuery[int | None] = None,
    discarded: FromQuery[int | None] = None,
    more: FromQuery[bool] = False,
) -> Response[Any]:
    """Show how the jobs stand, and the dead letters that a filter lets pass.

    retried, discarded, more  what the form that led here has done
    """
    which = DeadFilter(queue or None, task or None, code or None, q or None)
    standing, kinds = await store.read_standing(parts), await store.read_dead_kinds(parts)
    return render(
        request,
        "operations/jobs.html",
        viewer=operator,
        page=await store.read_dead(parts, which, cursor=cursor),
        matching=await store.count_selected(parts, which),
        chosen=which,
        choices=_choices(kinds, which),
        query=_query(which),
        notice=_notice(retried, discarded, more=more),
        is_first=cursor is None,
        **_standing(standing),
    )


@get("/ops/jobs/now", include_in_schema=False)
async def jobs_now(
    parts: NamedDependency[Parts], operator: NamedDependency[Viewer], dead: FromQuery[int] = 0
) -> Response[Any]:
    """Answer with the numbers alone; `dead` is how many dead letters the page around them has counted."""
    return render_piece("operations/now.html", **_standing(await store.read_standing(parts), drawn_dead=dead))


@get("/ops/jobs/{job_id:uuid}", include_in_schema=False)
async def job_page(
    request: Asked, parts: NamedDependency[Parts], operator: NamedDependency[Viewer], job_id: FromPath[UUID]
) -> Response[Any]:
    """Show all that is known of a job, the cause first."""
    return render(
        request,
        "operations/job.html",
        viewer=operator,
        job=await store.read_job(parts, job_id),
        in_words=in_words,
        as_text=as_text,
        wants_discard=False,
    )


@get("/ops/jobs/{job_id:uuid}/discard", include_in_schema=False)
async def discard_page(
    request: Asked, parts: NamedDependency[Parts], operator: NamedDependency[Viewer], job_id: FromPath[UUID]
) -> Response[Any]:
    """Ask once more before a dead letter is given up."""
    job = await store.read_job(parts, job_id)
    if job.state != "dead":
        raise JobNotDead(f"This job is {job.state}: only a dead letter can be discarded.")
    return render(
        request,
        "operations/job.html",
        viewer=operator,
        job=job,
        in_words=in_words,
        as_text=as_text,
        wants_discard=True,
    )


@post("/ops/jobs/{job_id:uuid}/retry", include_in_schema=False)
async def retry_form(
    request: Asked, parts: NamedDependency[Parts], operator: NamedDependency[Viewer], job_id: FromPath[UUID]
) -> Response[Any]:
    """Accept one dead letter anew; back to the list, as it was filtered."""
    await actions.retry_one(parts, operator, job_id)
    return _back(request, await _which(request), retried=1)


@post("/ops/jobs/{job_id:uuid}/discard", include_in_schema=False)
async def discard_form(
    request: Asked, parts: NamedDependency[Parts], operator: NamedDependency[Viewer], job_id: FromPath[UUID]
) -> Response[Any]:
    """Give one dead letter up; back to the list, as it was filtered."""
    await actions.discard_one(parts, operator, job_id)
    return _back(request, await _which(request), discarded=1)


@get(["/ops/jobs/retry", "/ops/jobs/discard"], include_in_schema=False)
async def confirm_page(
    request: Asked,
    parts: NamedDependency[Parts],
    operator: NamedDependency[Viewer],
    queue: FromQuery[str | None] = None,
    task: FromQuery[str | None] = None,
    code: FromQuery[str | None] = None,
    q: FromQuery[str | None] = None,
) -> Response[Any]:
    """Ask once more before many dead letters are changed, and say how many they are."""
    which = DeadFilter(queue or None, task or None, code or None, q or None)
    return render(
        request,
        "operations/confirm.html",
        viewer=operator,
        verb=request.url.path.rsplit("/", 1)[-1],
        matching=await store.count_selected(parts, which),
        counted_most=store.COUNTED_MOST,
        chosen=which,
        query=_query(which),
    )


@post("/ops/jobs/retry", include_in_schema=False)
async def retry_many_form(
    request: Asked, parts: NamedDependency[Parts], operator: NamedDependency[Viewer]
) -> Response[Any]:
    """Accept anew what the form's filter lets pass."""
    which = await _which(request)
    outcome = await actions.retry_selected(parts, operator, _selection(which))
    return _back(
        request, which if not outcome.complete else DeadFilter(), retried=outcome.changed, more=not outcome.complete
    )


@post("/ops/jobs/discard", include_in_schema=False)
async def discard_many_form(
    request: Asked, parts: NamedDependency[Parts], operator: NamedDependency[Viewer]
) -> Response[Any]:
    """Give up what the form's filter lets pass."""
    which = await _which(request)
    outcome = await actions.discard_selected(parts, operator, _selection(which))
    return _back(
        request, which if not outcome.complete else DeadFilter(), discarded=outcome.changed, more=not outcome.complete
    )


def in_words(when: datetime) -> str:
    """Write a moment out: 24 Nov 2026, 11:02:13 UTC."""
    return f"{when.day} {when:%b %Y, %H:%M:%S} UTC"


def as_text(value: Any) -> str:
    """Lay JSON values out for reading."""
    import msgspec

    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


async def _which(request: Asked) -> DeadFilter:
    form = await request.form()
    values = [form.get(name) for name in _FIELDS]
    queue, task, code, text = [value if isinstance(value, str) and value else None for value in values]
    if any(value is not None and not isinstance(value, str) for value in values):
        raise UnclearSelection("A filter is text.")
    return DeadFilter(queue, task, code, text)


def _selection(which: DeadFilter) -> Selection:
    """A form without a filter means all: the page before it said so, and how many."""
    selection = Selection(which.queue, which.task, which.code, which.text, all=which == DeadFilter())
    filter_of(selection)
    return selection


def _query(which: DeadFilter) -> str:
    """The filter as a query, without the question mark; '' without one."""
    named = dict(zip(_FIELDS, (which.queue, which.task, which.code, which.text), strict=True))
    return urlencode({name: value for name, value in named.items() if value})


def _back(
    request: Asked, which: DeadFilter, *, retried: int = 0, discarded: int = 0, more: bool = False
) -> Response[Any]:
    did = {"retried": retried} if not discarded else {"discarded": discarded}
    said = urlencode({**did, **({"more": "true"} if more else {})})
    query = "&".join(part for part in (_query(which), said) if part)
    return go_to(request, f"/ops/jobs?{query}#dead")


def _notice(retried: int | None, discarded: int | None, *, more: bool) -> str | None:
    """Say what the form has done."""
    for number, verb in ((retried, "retried"), (discarded, "discarded")):
        if number is not None and 0 <= number <= _NOTICE_MOST:
            rest = " There are more: do it again for the rest." if more else ""
            if number == 0:
                return f"Nothing was {verb}: somebody else was there first, or no dead letter fits.{rest}"
            jobs = "1 job was" if number == 1 else f"{number:,} jobs were"
            return f"{jobs} {verb}.{rest}"
    return None


def _choices(kinds: Sequence[DeadKind], which: DeadFilter) -> dict[str, list[str]]:
    """What each menu of the filter offers: what there is, and what is chosen."""
    found: dict[str, list[str]] = {}
    for name in ("queue", "task", "code"):
        values = {value for kind in kinds if (value := getattr(kind, name))}
        chosen = getattr(which, name)
        found[name] = sorted(values | ({chosen} if chosen else set()))
    return found


def _standing(standing: store.Standing, drawn_dead: int | None = None) -> dict[str, Any]:
    ledger = standing.ledger
    slots = slots_by_queue(ledger.workers)
    dead = sum(depth.dead for depth in ledger.queues)
    return {
        "verdict": asdict(standing.verdict),
        "at": standing.at,
        "queues": [
            {
                "depth": depth,
                "is_slow": is_slow(depth),
                "slots": slots.get(depth.queue, (0, 0))[1],
                "entries": standing.entries.get(depth.queue) if standing.entries is not None else None,
            }
            for depth in ledger.queues
        ],
        "workers": ledger.workers,
        "alive": sum(worker.alive for worker in ledger.workers),
        "strays": ledger.strays,
        "unsent": ledger.unsent,
        "dead": dead,
        "drawn_dead": dead if drawn_dead is None else drawn_dead,
        "span": span,
    }


ROUTES = [
    start,
    jobs_page,
    jobs_now,
    job_page,
    discard_page,
    retry_form,
    discard_form,
    confirm_page,
    retry_many_form,
    discard_many_form,
]
