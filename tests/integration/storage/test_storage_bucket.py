"""The bucket, against the stack's real storage."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from ments.errors import Conflict, NotFound, Retryable
from ments.settings import Settings, read_settings
from ments.storage import Bucket, Multipart, ObjectReplaced
from running_stack import RunningStack


@pytest.fixture(scope="session")
def settings(stack: RunningStack) -> Settings:
    return read_settings(stack.env)


@pytest.fixture(scope="session")
def bucket(settings: Settings) -> Bucket:
    return Bucket(settings)


@pytest.fixture
def folder() -> str:
    return f"media/{uuid4()}"


async def test_small_objects_and_what_is_known_of_them(bucket: Bucket, folder: str, tmp_path: Path) -> None:
    await bucket.put_bytes(f"{folder}/p1/v.m3u8", b"#EXTM3U", "application/vnd.apple.mpegurl", "max-age=60")
    found = await bucket.head(f"{folder}/p1/v.m3u8")
    assert found is not None
    assert (found.size, found.content_type) == (7, "application/vnd.apple.mpegurl")
    assert found.metadata == {"Cache-Control": "max-age=60"}
    assert len(found.etag) == 32
    target = tmp_path / "v.m3u8"
    assert await bucket.download(f"{folder}/p1/v.m3u8", target) == 7
    assert target.read_bytes() == b"#EXTM3U"


async def test_a_part_of_an_object_that_must_be_the_same_one(bucket: Bucket, folder: str, tmp_path: Path) -> None:
    key, source = f"{folder}/original", tmp_path / "source"
    assert await bucket.read_range(key, 0, 1, etag="x") is None
    source.write_bytes(bytes(range(256)) * 80_000)
    await bucket.upload(key, source, "video/mp4")
    found = await bucket.head(key)
    assert found is not None
    assert found.size > 16 * 1024 * 1024  # it went in parts
    assert await bucket.read_range(key, 256_001, 256_004, etag=found.etag) == bytes([1, 2, 3])
    assert await bucket.read_range(key, found.size - 2, found.size, etag=found.etag) == bytes([254, 255])
    source.write_bytes(bytes(1000))
    await bucket.upload(key, source, "video/mp4")
    with pytest.raises(ObjectReplaced):
        await bucket.read_range(key, 0, 4, etag=found.etag)
    with pytest.raises(ObjectReplaced):
        await bucket.download(key, tmp_path / "target", etag=found.etag)
    assert not (tmp_path / "target").exists()
    assert (newer := await bucket.head(key)) is not None
    assert await bucket.download(key, tmp_path / "target", etag=newer.etag) == 1000


async def test_what_is_not_there(bucket: Bucket, folder: str, tmp_path: Path) -> None:
    target = tmp_path / "nothing"
    assert await bucket.head(f"{folder}/original") is None
    assert await bucket.head(folder) is None
    assert await bucket.download(f"{folder}/original", target) is None
    assert not target.exists()
    assert await bucket.copy(f"{folder}/original", f"{folder}/copy") is False
    await bucket.delete(f"{folder}/original")
    assert await bucket.delete_prefix(folder) == 0
    assert await bucket.list_objects(folder) == []


async def test_large_files_go_in_parts_and_come_back_whole(bucket: Bucket, folder: str, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"0123456789abcdef" * (40 * 1024 * 1024 // 16) + b"end")
    assert await bucket.upload(f"{folder}/s1/v.mp4", source, "video/mp4") == source.stat().st_size
    assert await bucket.download(f"{folder}/s1/v.mp4", target) == source.stat().st_size
    assert target.read_bytes() == source.read_bytes()
    assert await bucket.copy(f"{folder}/s1/v.mp4", f"{folder}/p2/v.mp4")
    copied = await bucket.head(f"{folder}/p2/v.mp4")
    assert copied is not None
    assert (copied.size, copied.content_type) == (source.stat().st_size, "video/mp4")


async def test_folders_are_listed_and_deleted_whole(bucket: Bucket, folder: str) -> None:
    keys = [f"{folder}/p1/{name}" for name in ("a.jpg", "hls/1.m4s", "hls/2.m4s")]
    for key in [*keys, f"{folder}/p10/b.jpg"]:
        await bucket.put_bytes(key, b"x", "image/jpeg")
    assert [found.key for found in await bucket.list_objects(f"{folder}/p1/")] == keys
    assert await bucket.delete_prefix(f"{folder}/p1") == 3
    assert [found.key for found in await bucket.list_objects(folder)] == [f"{folder}/p10/b.jpg"]


async def test_uploads_in_parts(bucket: Bucket, settings: Settings, folder: str) -> None:
    key = f"{folder}/original"
    client = Multipart(settings)._client
    upload_id = client.create_multipart_upload(Bucket=settings.s3_bucket, Key=key)["UploadId"]
    sent = client.upload_part(Bucket=settings.s3_bucket, Key=key, UploadId=upload_id, PartNumber=1, Body=b"abc")
    assert [found.upload_id for found in await bucket.list_uploads(key)] == [upload_id]
    assert [(part.number, part.size) for part in await bucket.list_parts(key, upload_id)] == [(1, 3)]
    with pytest.raises(Conflict) as mismatch:
        await bucket.complete_multipart(key, upload_id, [(1, "0" * 32)])
    assert mismatch.value.problem_code == "parts_mismatch"
    await bucket.complete_multipart(key, upload_id, [(1, sent["ETag"])])
    with pytest.raises(NotFound):
        await bucket.list_parts(key, upload_id)
    with pytest.raises(Conflict) as taken:
        await bucket.complete_multipart(key, upload_id, [(1, sent["ETag"])])
    assert taken.value.problem_code == "already_uploaded"
    await bucket.abort_multipart(key, upload_id)


async def test_storage_that_is_away_is_retryable_and_soon_known(
    settings: Settings, folder: str, tmp_path: Path
) -> None:
    away = Bucket(replace(settings, s3_endpoint_url="http://127.0.0.1:9"))
    started = time.monotonic()
    for call in (
        away.head(f"{folder}/original"),
        away.download(f"{folder}/original", tmp_path / "x"),
        away.list_parts(f"{folder}/original", "id"),
    ):
        with pytest.raises(Retryable):
            await call
    with pytest.raises(Retryable):
        await away.ping()
    assert time.monotonic() - started < 60


async def test_wrong_keys_are_retryable_too(settings: Settings, folder: str) -> None:
    stranger = Bucket(replace(settings, aws_secret_access_key="wrong"))
    with pytest.raises(Retryable):
        await stranger.head(f"{folder}/original")
    with pytest.raises(Retryable):
        await stranger.put_bytes(f"{folder}/x.jpg", b"x", "image/jpeg")


async def test_a_full_disk_is_retryable_and_leaves_nothing(bucket: Bucket, folder: str, tmp_path: Path) -> None:
    await bucket.put_bytes(f"{folder}/original", b"x", "video/mp4")
    target = tmp_path / "full"
    target.symlink_to("/dev/full")
    with pytest.raises(Retryable):
        await bucket.download(f"{folder}/original", target)
    assert not target.is_symlink()
