"""A film that is made anew: its next piece, or once all are stored, what joins them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from ments.errors import Permanent, Retryable
from ments.jobs import JobContext
from ments.media import pieces, rebuild_rows
from ments.media.actions.assemble import choose_lines
from ments.media.actions.files import store_files
from ments.media.actions.originals import hold_original, workshop_of
from ments.media.film_join import Inputs, join_film, write_playlists
from ments.media.film_run import make_film_piece
from ments.media.folder import work_folder
from ments.media.job_events import RebuildWanted
from ments.media.model import Media, MediaKind, Probe
from ments.media.rebuild_rows import Begun, RebuiltFiles
from ments.media.tracks import Line, StoredPart
from ments.parts import Parts
from ments.storage import ObjectHead

_DOWNLOAD_MAX_PX = 720


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
        with work_folder(head.size) as folder:
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
    playing = sum(segment.bytes for line in (rungs[-1], sound) if line for segment in line.segments)
    with work_folder(3 * playing) as folder:
        out = folder / "out"
        inputs = await _fetch(parts, media, begun, rungs, sound, out)
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


async def _fetch(
    parts: Parts, media: Media, begun: Begun, rungs: list[Line], sound: Line | None, folder: Path
) -> Inputs:
    """Download the rung that becomes the one file, the smallest rung, and the sound."""
    shown = [line for line in rungs if min(line.width, line.height) <= _DOWNLOAD_MAX_PX]
    best, small = shown[-1] if shown else rungs[0], rungs[0]
    paths = {line.name: folder / f"{line.name}.in" for line in (best, small, sound) if line}
    for line in {line.name: line for line in (best, small, sound) if line}.values():
        await _concatenate(parts, f"media/{media.id}/{begun.generation}/", line, paths[line.name])
    return Inputs(best, paths[best.name], small, paths[small.name], sound, paths[sound.name] if sound else None)


async def _concatenate(parts: Parts, prefix: str, line: Line, path: Path) -> None:
    """Write one init file and all segments of a line, one after another."""
    first = next((track.init_file for _, track in line.parts if track.init_file), None)
    names = [*([first] if first else []), *(segment.file for segment in line.segments)]
    part = path.with_suffix(".part")
    with path.open("wb") as whole:
        for name in names:
            if await parts.bucket.download(prefix + name, part) is None:
                raise Retryable(f"The file {name} of this film is not in storage.", code="output_missing")
            whole.write(await asyncio.to_thread(part.read_bytes))
    part.unlink(missing_ok=True)
