"""A film that is made anew: its next piece, or once all are stored, what joins them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from ments.errors import Permanent
from ments.jobs import JobContext
from ments.media import pieces, rebuild_rows
from ments.media.actions.assemble import choose_lines
from ments.media.actions.files import store_files
from ments.media.actions.inputs import count_joined, fetch_inputs
from ments.media.actions.originals import hold_original, work_folder_of, workshop_of
from ments.media.film_join import join_film, write_playlists
from ments.media.film_run import make_film_piece
from ments.media.job_events import RebuildWanted
from ments.media.model import Media, MediaKind, Probe
from ments.media.rebuild_rows import Begun, RebuiltFiles
from ments.media.tracks import StoredPart
from ments.parts import Parts
from ments.storage import ObjectHead


async def make_next_piece(
    parts: Parts, job: JobContext, event: RebuildWanted, media: Media, head: ObjectHead, begun: Begun
) -> RebuiltFiles | None:
    """Make and store the next piece, and accept the job that goes on; or join the pieces: then returns what was made.

    Raises UnplayableMedia, Retryable, Away, LeaseLost.
    """
    async with parts.primary.session() as session:
        probe = await pieces.find_probe(session, media.id)
        following = await rebuild_rows.find_next_work(session, media.id, begun.number)
    if probe is None:
        raise Permanent("What was found in this original is not known any more.", code="rebuild_lost")
    if following is None:
        return await _join(parts, event, media, begun, probe)
    work, is_beginning = following
    async with hold_original(parts, media.id, media.key, head) as source:
        with work_folder_of(parts, head.size) as folder:
            out = folder / "out"
            workshop = workshop_of(parts, lambda fraction: None)
            made = await make_film_piece(workshop, probe, work, source, out, lease=job.lease, poster=is_beginning)
            await store_files(parts, media.id, begun.generation, out, made.files)
    stored = StoredPart(begun.generation, made.tracks, independent=not work.copies)
    carried = replace(event, poster_file=made.poster_file, blurhash=made.blurhash) if is_beginning else event
    async with parts.primary.transaction() as tx:
        # A piece that another run has stored is the same one; its job went on already.
        if await rebuild_rows.end_piece(tx, media.id, begun.number, work.name, stored):
            await parts.outbox.emit(tx, carried)
        await job.commit(tx)
    return None


async def _join(parts: Parts, event: RebuildWanted, media: Media, begun: Begun, probe: Probe) -> RebuiltFiles:
    async with parts.primary.session() as session:
        wanted = await pieces.list_parts(session, media.id, begun.number)
    rungs, sound = choose_lines(wanted)
    with work_folder_of(parts, 3 * count_joined(rungs, sound)) as folder:
        out = folder / "out"
        inputs = await fetch_inputs(parts, f"media/{media.id}/{begun.generation}/", rungs, sound, out)
        made = await join_film(workshop_of(parts, lambda fraction: None), probe, inputs, folder, out)
        written = await asyncio.to_thread(write_playlists, out, probe, rungs, sound)
        await store_files(parts, media.id, begun.generation, out, [*made.files, *written])
    return RebuiltFiles(
        MediaKind.VIDEO,
        rungs[-1].width,
        rungs[-1].height,
        probe.length_s,
        event.poster_file,
        event.blurhash,
        made.variants,
        hls_file=written[-1].name,
        storyboard_file=made.storyboard_file,
        preview_file=made.preview_file,
    )
