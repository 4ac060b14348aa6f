"""What the queues run for media."""

from __future__ import annotations

from typing import Any

from ments.errors import Retryable
from ments.jobs import JobContext, JobDied, PeriodicTask, Rank, periodic, task
from ments.media import actions
from ments.media.caption_tracks import CaptionsWanted
from ments.media.job_events import (
    FirstPieceWanted,
    MediaReleased,
    MediaUploaded,
    PhotoStored,
    PiecesStored,
    PieceWanted,
    PublicAudienceWanted,
    RebuildWanted,
    TranscodeAgain,
)
from ments.parts import Parts


@task(
    queue="media",
    name="transcode",
    attempts=3,
    backoff_s=2.0,
    timeout_s=6 * 3600.0,
    rank=Rank.FIRST,
    account_of=lambda event: event.account_id,
)
async def transcode(parts: Parts, job: JobContext, event: MediaUploaded) -> dict[str, Any]:
    """Make what plays out of an original; what was made is shown in the queue."""
    return await actions.transcode_media(parts, job, event)


@task(
    queue="media",
    name="encode_first",
    attempts=3,
    backoff_s=2.0,
    timeout_s=6 * 3600.0,
    rank=Rank.FIRST,
    account_of=lambda event: event.account_id,
)
async def encode_first(parts: Parts, job: JobContext, event: FirstPieceWanted) -> None:
    """Make a piece without which a film can't be played to its end."""
    await actions.encode_piece(parts, job, event)


@task(
    queue="ladder",
    name="encode_piece",
    attempts=3,
    backoff_s=2.0,
    timeout_s=6 * 3600.0,
    rank=Rank.LATER,
    account_of=lambda event: event.account_id,
)
async def encode_piece(parts: Parts, job: JobContext, event: PieceWanted) -> None:
    """Make better rungs of a part of a film."""
    await actions.encode_piece(parts, job, event)


@task(
    queue="ladder",
    name="assemble",
    attempts=5,
    backoff_s=2.0,
    timeout_s=3600.0,
    rank=Rank.LATER,
    account_of=lambda event: event.account_id,
)
async def assemble(parts: Parts, job: JobContext, event: PiecesStored) -> None:
    """Make a film ready."""
    await actions.assemble_film(parts, job, event)


@task(
    queue="ladder",
    name="rebuild",
    attempts=5,
    backoff_s=60.0,
    timeout_s=6 * 3600.0,
    rank=Rank.BACKGROUND,
    account_of=lambda event: event.account_id,
)
async def rebuild(parts: Parts, job: JobContext, event: RebuildWanted) -> None:
    """Make ready media anew, a piece a job."""
    await actions.rebuild_media(parts, job, event)


@task(
    queue="ladder",
    name="transcode_again",
    attempts=3,
    backoff_s=2.0,
    timeout_s=6 * 3600.0,
    rank=Rank.BACKGROUND,
    account_of=lambda event: event.account_id,
)
async def transcode_again(parts: Parts, job: JobContext, event: TranscodeAgain) -> dict[str, Any]:
    """Try media that failed once more."""
    return await actions.transcode_again(parts, job, event)


@task(
    queue="ladder",
    name="improve_photo",
    attempts=5,
    backoff_s=10.0,
    timeout_s=600.0,
    rank=Rank.BACKGROUND,
    account_of=lambda event: event.account_id,
)
async def improve_photo(parts: Parts, job: JobContext, event: PhotoStored) -> None:
    """Make a photo's smaller files."""
    await actions.improve_photo(parts, job, event)


@task(queue="default", name="give_up_transcode", attempts=5, backoff_s=2.0)
async def give_up_transcode(parts: Parts, job: JobContext, event: JobDied) -> None:
    """End what a dead job of ours held: media, one piece of a film, or a film."""
    match event.queue, event.task:
        case ("media", transcode.name) | ("ladder", transcode_again.name):
            await actions.give_up_media(parts, event)
        case ("media", encode_first.name) | ("ladder", encode_piece.name):
            await actions.give_up_piece(parts, event)
        case "ladder", assemble.name:
            await actions.give_up_film(parts, event, assemble.decode(event.payload))
        case "ladder", rebuild.name:
            await actions.give_up_rebuild(parts, rebuild.decode(event.payload))


@task(queue="default", name="publish_audience", attempts=5, backoff_s=2.0)
async def publish_audience(parts: Parts, job: JobContext, event: PublicAudienceWanted) -> None:
    """Let everybody fetch media that a public post holds."""
    await actions.publish_audience(parts, event.media_id)


@task(queue="default", name="place_captions", attempts=5, backoff_s=2.0)
async def place_captions(parts: Parts, job: JobContext, event: CaptionsWanted) -> None:
    """Lay a film's captions beside its files."""
    await actions.place_captions(parts, event.media_id)


@task(queue="default", name="erase_media", attempts=5, backoff_s=2.0)
async def erase(parts: Parts, job: JobContext, event: MediaReleased) -> None:
    """Erase media that nothing holds any more, each whatever happens to the others."""
    failed: Retryable | None = None
    for media_id in event.media_ids:
        try:
            await actions.erase_media(parts, media_id)
        except Retryable as error:
            failed = error
    if failed is not None:
        raise failed


@periodic(every_s=30, name="sweep_media", timeout_s=120.0)
async def sweep(parts: Parts) -> None:
    """End what has lasted too long."""
    await actions.sweep_media(parts)


@periodic(every_s=60, name="open_forgotten")
async def open_again(parts: Parts) -> None:
    """Go on with opening media to everybody where a job was lost."""
    await actions.open_forgotten(parts)


PERIODIC: list[PeriodicTask] = [sweep, open_again]
