"""The playlists of a film that plays and is not ready: what is stored by now, told to whoever may see it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from ments.media import pieces as rows
from ments.media.film_join import write_master
from ments.media.model import Audience, Media, MediaNotFound, MediaStatus, Probe
from ments.media.playlists import Chunk, find_target, write_media_playlist
from ments.media.seen import get_seen
from ments.media.tracks import Line, line_up
from ments.parts import Parts

_TARGET_S = 6
"""Segments last 4 s; a playlist that grows must promise a bound, and clients ask again after as long."""

_KEPT_TARGET_S = 8
"""Segments of a film that is kept end at its first keyframe after 4 s, and those are up to 4 s apart."""


@dataclass(frozen=True, slots=True)
class Found:
    """A film that somebody may see: `moved_to` once its playlists lie beside its segments."""

    media: Media
    probe: Probe
    rungs: list[Line]
    sound: Line | None
    moved_to: str | None


async def find_film(parts: Parts, viewer_id: UUID | None, media_id: UUID) -> Found:
    """Find what of a film can be played. Raises MediaNotFound."""
    async with parts.primary.session() as session:
        seen = await get_seen(parts, session, viewer_id, media_id)
        media = seen.media
        if not media.status.is_playable or media.pieces_number is None or media.generation is None:
            raise MediaNotFound("There is no such film, or it is not visible to you.")
        if not seen.may_fetch and not media.generation.startswith(Audience.PUBLIC.letter):
            raise MediaNotFound("There is no such film, or it is not visible to you.")
        probe = await rows.find_probe(session, media_id)
        wanted = await rows.list_parts(session, media_id, media.pieces_number)
    if probe is None:
        raise MediaNotFound("There is no such film, or it is not visible to you.")
    rungs, sound = line_up(wanted)
    moved_to = None
    if media.status is MediaStatus.READY and media.hls_file and media.generation:
        moved_to = parts.media_urls.url(media_id, media.epoch, media.generation, media.hls_file)
    return Found(media, probe, rungs, sound, moved_to)


def show_master(found: Found) -> str:
    """The rung that plays first, as far as it goes, and those that are whole. Pure."""
    shown = [line for line in found.rungs if line.is_whole or line is found.rungs[0]]
    return write_master(found.probe, shown, found.sound, "playlists/{}.m3u8")


def show_line(parts: Parts, found: Found, name: str) -> str:
    """What is stored of one rung, or of the sound; an EVENT that grows until it is whole. Raises MediaNotFound."""
    lines = [*found.rungs, *([found.sound] if found.sound else [])]
    line = next((line for line in lines if line.name == name), None)
    if line is None:
        raise MediaNotFound("This film has no such playlist.")
    media = found.media

    def url(generation: str, file: str) -> str:
        return parts.media_urls.url(media.id, media.epoch, generation, file)

    chunks = [
        Chunk(
            url(generation, track.init_file) if track.init_file else None,
            tuple(replace(segment, file=url(generation, segment.file)) for segment in track.segments),
        )
        for generation, track in line.parts
    ]
    # Chunks have the same init file; where its address differs, clients would fetch it again for each.
    chunks = [replace(chunk, init_file=chunks[0].init_file) for chunk in chunks if chunk.segments]
    return write_media_playlist(
        chunks,
        is_complete=line.is_whole,
        is_independent=line.is_independent and not name.startswith("a"),
        target_s=None if line.is_whole else max(_bound(line), find_target(line.segments)),
    )


def _bound(line: Line) -> int:
    return _TARGET_S if line.is_independent else _KEPT_TARGET_S
