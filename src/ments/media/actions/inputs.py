"""What is joined of a film's pieces, brought to this worker's disk."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from ments.errors import Retryable
from ments.media.actions.files import AT_ONCE, do_each
from ments.media.film_join import Inputs
from ments.media.tracks import Line
from ments.parts import Parts

_DOWNLOAD_MAX_PX = 720


def count_joined(rungs: Sequence[Line], sound: Line | None) -> int:
    """How much of a film `fetch_inputs` brings, in bytes. Pure."""
    return sum(segment.bytes for line in _choose(rungs, sound) for segment in line.segments)


async def fetch_inputs(parts: Parts, prefix: str, rungs: Sequence[Line], sound: Line | None, folder: Path) -> Inputs:
    """Download the rung that becomes the one file, the smallest rung, and the sound.

    prefix  of their keys
    rungs   smallest first
    Raises Retryable when one of their files is not there, and Away.
    """
    paths: dict[str, Path] = {}
    for line in _choose(rungs, sound):
        paths[line.name] = folder / f"{line.name}.in"
        await _join(parts, prefix, line, paths[line.name])
    best, small = _best(rungs), rungs[0]
    return Inputs(best, paths[best.name], small, paths[small.name], sound, paths[sound.name] if sound else None)


def _best(rungs: Sequence[Line]) -> Line:
    shown = [line for line in rungs if min(line.width, line.height) <= _DOWNLOAD_MAX_PX]
    return shown[-1] if shown else rungs[0]


def _choose(rungs: Sequence[Line], sound: Line | None) -> list[Line]:
    return list({line.name: line for line in (_best(rungs), rungs[0], sound) if line}.values())


async def _join(parts: Parts, prefix: str, line: Line, path: Path) -> None:
    """Write an init file and all segments of a line, one after another."""
    names: list[str] = []
    for _, track in line.parts:
        if track.init_file and not names:
            names.append(track.init_file)
        names += [segment.file for segment in track.segments]

    async def fetch(part: tuple[str, Path]) -> None:
        name, to = part
        if await parts.bucket.download(prefix + name, to) is None:
            raise Retryable(f"The file {name} of this film is not in storage.", code="output_missing")

    for start in range(0, len(names), AT_ONCE):
        fetched = [(name, path.with_suffix(f".{number}")) for number, name in enumerate(names[start : start + AT_ONCE])]
        await do_each(fetched, fetch)
        await asyncio.to_thread(_append, path, [part for _, part in fetched])


def _append(path: Path, parts: Sequence[Path]) -> None:
    """Move the bytes of some files, of some MB each, to the end of another."""
    with path.open("ab") as whole:
        for part in parts:
            whole.write(part.read_bytes())
            part.unlink()
