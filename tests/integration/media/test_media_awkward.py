"""Awkward but valid originals become ready, and what is served is decoded back and compared."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import pytest
from PIL import Image

from awkward_clips import CLIPS
from clips import Clip, Played, left_in, name_corners, play
from films import make_ready
from ments.media import rules
from ments.media.playlists import parse_media_playlist
from ments.parts import Parts
from posting import make_member
from uploaded import files_of, id_of, make_queued, row_of


@pytest.mark.parametrize("clip", CLIPS, ids=[clip.name for clip in CLIPS])
async def test_it_becomes_ready_and_plays(
    parts: Parts, tmp_path: Path, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (made := tmp_path / "made").mkdir()
    event = await make_queued(parts, await make_member(parts), clip.make(made), filename=clip.filename)
    await make_ready(parts, event)
    row = await row_of(parts, event)
    assert (row["status"], row["error_text"]) == ("ready", None)
    assert row["kind"] == ("video" if clip.size else "audio")
    assert row["duration_s"] == pytest.approx(clip.seconds, abs=0.15)
    if clip.filename:
        assert row["filename"] == rules.clean_filename(clip.filename)
    folder = Path(f"media/{id_of(event)}/{row['generation']}")
    (path := tmp_path / "served").mkdir()
    file = row["variants"][-1]["file"]
    await parts.bucket.download(str(folder / file), path / file)
    played = play(path / file)
    _check_sound(clip, played)
    assert played.end_s == pytest.approx(clip.seconds, abs=0.15)
    assert left_in(tmp_path) == []
    if clip.size is None:
        assert played.times == []
        return
    assert (row["width"], row["height"]) == played.size == clip.size
    assert len(played.times) == clip.frames
    assert played.corners == clip.corners
    poster = await _read(parts, folder / row["poster_file"])
    with Image.open(io.BytesIO(poster)) as image:
        assert (image.size, name_corners(image)) == (clip.size, clip.corners)
    await _check_playlists(parts, clip, folder, await files_of(parts, event))


def _check_sound(clip: Clip, played: Played) -> None:
    assert (played.samples is not None) == clip.sound
    if not clip.sound:
        return
    assert all(played.is_heard(*span) for span in clip.heard)
    assert not any(played.is_heard(*span) for span in clip.silent)


async def _check_playlists(parts: Parts, clip: Clip, folder: Path, files: list[str]) -> None:
    """Every playlist is whole, lists files that are there, and lasts as long as the film."""
    here = {Path(name).name for name in files if Path(name).parent.name == folder.name}
    lines = {name for name in here if name.endswith(".m3u8")} - {"master.m3u8"}
    assert {name[0] for name in lines} == ({"v", "a"} if clip.sound else {"v"})
    for name in lines:
        listed = parse_media_playlist((await _read(parts, folder / name)).decode())
        assert listed.is_complete
        assert {str(listed.init_file), *(segment.file for segment in listed.segments)} <= here
        assert sum(segment.length_s for segment in listed.segments) <= clip.seconds + 0.2


async def _read(parts: Parts, key: Path) -> bytes:
    with tempfile.NamedTemporaryFile() as file:
        assert await parts.bucket.download(str(key), Path(file.name))
        return file.read()
