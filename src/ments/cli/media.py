"""`ments media`: make media anew once the ladder has changed, or what failed once more."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID

from cyclopts import App, Parameter

from ments.cli.options import AsJson, HomePath, fail, with_parts

if TYPE_CHECKING:
    from ments.media.rebuild_rows import Chosen
    from ments.parts import Parts

media_app = App(name="media", help="Make media anew.")
Flag = Annotated[bool, Parameter(negative=())]
_SHOWN_MOST = 20


@media_app.command(name="reprocess")
def media_reprocess(
    *,
    ids: Annotated[tuple[UUID, ...], Parameter(name="--id")] = (),
    kind: Literal["video", "photo", "audio"] | None = None,
    made_before: datetime | None = None,
    below_version: int | None = None,
    status: Literal["ready", "failed"] = "ready",
    limit: int | None = None,
    everything: Annotated[bool, Parameter(name="--all", negative=())] = False,
    dry_run: Flag = False,
    home: HomePath | None = None,
    as_json: AsJson = False,
) -> None:
    """Accept a job of the lowest rank for all media that an older ladder made, or that failed.

    What is served stays until all of the new is stored. Run it again at any time: media that are done, or that a job
    waits for, are not accepted twice.

    Parameters
    ----------
    ids
        These media, whichever ladder made them; may be given several times.
    kind
        Of this kind only.
    made_before
        Uploaded before this day or time (UTC).
    below_version
        Made by an older ladder than this version; without it, older than this program's.
    status
        ready: made anew while the old is served. failed: tried once more, whatever the cause was.
    limit
        At most so many.
    everything
        Needed when nothing else narrows the choice.
    dry_run
        Only say how many, and the first of them.
    home
        The home that was given to `ments up`.
    as_json
        Print {selected, accepted, dry_run, media: [{id, kind, ladder_version, job_id}]}.
    """
    chosen = _choose(ids, kind, made_before, below_version, status)
    narrowed = bool(ids) or limit is not None or any((kind, made_before, below_version))
    if not (narrowed or everything or dry_run):
        fail(
            "This would be every piece of media that is older: say which (--kind, --made-before, --limit...), or --all."
        )
    if limit is not None and limit < 1:
        fail("--limit starts at 1.")
    selected, media = with_parts(home, lambda parts: _reprocess(parts, chosen, limit, dry_run=dry_run, quiet=as_json))
    accepted = 0 if dry_run else len(media)
    if as_json:
        print(json.dumps({"selected": selected, "accepted": accepted, "dry_run": dry_run, "media": media}, indent=1))
        return
    if not dry_run:
        print(f"{accepted} accepted; `ments jobs stats` shows how far they are")
        return
    print(f"{selected} would be accepted")
    for one in media[:_SHOWN_MOST]:
        print(f"  {one['id']}  {one['kind'] or '-'}  ladder {one['ladder_version']}")


def _choose(
    ids: tuple[UUID, ...], kind: str | None, made_before: datetime | None, below: int | None, status: str
) -> Chosen:
    from ments.media.ladder import LADDER_VERSION
    from ments.media.model import MediaKind, MediaStatus
    from ments.media.rebuild_rows import Chosen

    if below is not None and not 1 <= below <= LADDER_VERSION:
        fail(f"--below-version goes from 1 to {LADDER_VERSION}, the version of this program's ladder.")
    if made_before is not None and made_before.tzinfo is None:
        made_before = made_before.replace(tzinfo=UTC)
    # Media that failed were made by no ladder, and whoever names some means those.
    any_version = status == "failed" or (bool(ids) and below is None)
    return Chosen(
        MediaStatus(status),
        ids or None,
        MediaKind(kind) if kind else None,
        made_before,
        None if any_version else below or LADDER_VERSION,
    )


async def _reprocess(
    parts: Parts, chosen: Chosen, limit: int | None, *, dry_run: bool, quiet: bool
) -> tuple[int, list[dict[str, Any]]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ments.media.actions import count_to_reprocess, reprocess_media

    selected = await count_to_reprocess(parts, chosen)
    selected = selected if limit is None else min(selected, limit)
    shown = min(selected, _SHOWN_MOST) if dry_run and not quiet else limit
    found: list[dict[str, Any]] = []
    columns = (TextColumn("accepting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True, disable=quiet or dry_run)
    with bar:
        task = bar.add_task("accepting", total=selected)
        async for batch in reprocess_media(parts, chosen, limit=shown, dry_run=dry_run):
            for index, one in enumerate(batch.media):
                job_id = str(batch.job_ids[index]) if batch.job_ids else None
                found.append(
                    {"id": str(one.id), "kind": one.kind, "ladder_version": one.ladder_version, "job_id": job_id}
                )
            bar.advance(task, len(batch.media))
    return selected, found
