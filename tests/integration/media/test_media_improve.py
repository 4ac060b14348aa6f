"""Photos get AVIF files after they are shown; what happens to them meanwhile is respected."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import originals
from films import piece_run
from ments.media.job_events import MediaReleased, MediaUploaded, PhotoStored, PublicAudienceWanted
from ments.media.tasks import erase, improve_photo, publish_audience, transcode
from ments.parts import Parts
from posting import job_of, list_jobs, make_member
from uploaded import files_of, id_of, make_queued, row_of, run_of


async def make_shown(parts: Parts, tmp_path: Path) -> tuple[MediaUploaded, PhotoStored]:
    source = originals.make_photo(tmp_path / "a.jpg", size=(900, 600))
    event = await make_queued(parts, await make_member(parts), source)
    await transcode(parts, run_of(), event)
    (wanted,) = await list_jobs(parts, "improve_photo")
    return event, msgspec.convert(wanted, PhotoStored)


async def test_smaller_files_join_those_that_are_shown(parts: Parts, tmp_path: Path) -> None:
    event, wanted = await make_shown(parts, tmp_path)
    before = await row_of(parts, event)
    assert (before["status"], before["generation"]) == ("ready", "s1")
    for _ in range(2):
        await improve_photo(parts, piece_run("improve_photo"), wanted)
    row = await row_of(parts, event)
    assert row["variants"][: len(before["variants"])] == before["variants"]
    added = row["variants"][len(before["variants"]) :]
    assert added
    assert {variant["content_type"] for variant in added} == {"image/avif"}
    sizes = {variant["name"]: variant["bytes"] for variant in before["variants"]}
    assert all(variant["bytes"] < sizes[variant["name"]] for variant in added)
    assert {f"s1/{variant['file']}" for variant in added} < set(await files_of(parts, event))
    assert len(await list_jobs(parts, "tell_media_finished")) == 1


async def test_posted_meanwhile_the_copy_for_everybody_has_all_files(
    parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The photo is opened while its smaller files are made: the copy that lacks them is given up, and asked for again."""
    event, wanted = await make_shown(parts, tmp_path)
    opening = job_of("publish_audience")
    real = parts.bucket.copy
    improved: list[bool] = []

    async def copy(bucket: object, source: str, target: str) -> bool:
        if not improved:
            improved.append(True)
            await improve_photo(parts, piece_run("improve_photo"), wanted)
        return await real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(type(parts.bucket), "copy", copy)
        await publish_audience(parts, opening, PublicAudienceWanted(id_of(event)))
    assert (await row_of(parts, event))["generation"] == "s1"
    assert await list_jobs(parts, "publish_audience") == [{"media_id": str(id_of(event))}]
    await publish_audience(parts, opening, PublicAudienceWanted(id_of(event)))
    row = await row_of(parts, event)
    assert row["generation"].startswith("p")
    files = set(await files_of(parts, event))
    assert {f"{row['generation']}/{variant['file']}" for variant in row["variants"]} < files


async def test_what_was_erased_gets_nothing(parts: Parts, tmp_path: Path) -> None:
    event, wanted = await make_shown(parts, tmp_path)
    await erase(parts, job_of("erase_media"), MediaReleased((id_of(event),)))
    await improve_photo(parts, piece_run("improve_photo"), wanted)
    assert await files_of(parts, event) == []
