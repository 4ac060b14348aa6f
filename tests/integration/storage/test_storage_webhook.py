"""What SeaweedFS really sends, and that we read it rightly."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from ments.settings import Settings
from ments.storage import Bucket, Multipart, ObjectCreated, parse_storage_event
from storage_server import TOKEN, Receiver, running_storage


@pytest.fixture(scope="module")
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture(scope="module")
def settings(receiver: Receiver, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    with receiver.running(), running_storage(tmp_path_factory.mktemp("weed"), receiver) as running:
        yield running


async def test_an_object_is_told_of_with_the_token(settings: Settings, receiver: Receiver) -> None:
    key = f"media/{uuid4()}/original"
    await Bucket(settings).put_bytes(key, b"x" * 100, "video/mp4")
    await _until(lambda: key in _told(receiver))
    assert {authorization for authorization, _ in receiver.received} == {f"Bearer {TOKEN}"}
    assert _events(receiver, key) == [ObjectCreated("ments-media", key, 100)]
    # Folders are told of too, in no certain order.
    await _until(lambda: bool(_folders(receiver)))
    assert all(parse_storage_event(body, "ments-media") == [] for body in _folders(receiver))


async def test_joined_parts_are_one_event(settings: Settings, receiver: Receiver) -> None:
    key = f"media/{uuid4()}/original"
    size = 5 * 1024 * 1024 + 10
    multipart = Multipart(settings)
    client = multipart._client
    upload_id = client.create_multipart_upload(Bucket="ments-media", Key=key)["UploadId"]
    parts = []
    for number, body in ((1, b"a" * (size - 10)), (2, b"b" * 10)):
        sent = client.upload_part(Bucket="ments-media", Key=key, UploadId=upload_id, PartNumber=number, Body=body)
        parts.append((number, sent["ETag"]))
    await multipart.complete(key, upload_id, parts)
    await _until(lambda: key in _told(receiver))
    await asyncio.sleep(0.5)
    assert _events(receiver, key) == [ObjectCreated("ments-media", key, size)]
    assert not any(".uploads" in told for told in _told(receiver))


async def test_deletions_copies_and_other_folders(settings: Settings, receiver: Receiver) -> None:
    bucket = Bucket(settings)
    media_id = uuid4()
    await bucket.put_bytes(f"elsewhere/{media_id}", b"x", "text/plain")
    await bucket.put_bytes(f"media/{media_id}/s1/v.jpg", b"x", "image/jpeg")
    await bucket.copy(f"media/{media_id}/s1/v.jpg", f"media/{media_id}/p2/v.jpg")
    await bucket.delete_prefix(f"media/{media_id}/s1")
    await bucket.put_bytes(f"posts/{media_id}/original.mp4", b"x", "video/mp4")
    await _until(lambda: f"posts/{media_id}/original.mp4" in _told(receiver))
    await asyncio.sleep(0.5)
    assert sorted(key for key in _told(receiver) if str(media_id) in key) == [
        f"media/{media_id}/p2/v.jpg",
        f"media/{media_id}/s1/v.jpg",
        f"posts/{media_id}/original.mp4",
    ]


async def test_it_asks_once_whatever_the_answer(settings: Settings, receiver: Receiver) -> None:
    """Should this fail one day, SeaweedFS has learned to retry: good, and the sweeper may look less often."""
    key = f"media/{uuid4()}/original"
    receiver.status = 503
    try:
        await Bucket(settings).put_bytes(key, b"x", "video/mp4")
        await _until(lambda: key in _told(receiver))
        await asyncio.sleep(4)
    finally:
        receiver.status = 200
    assert len(_events(receiver, key)) == 1


def _told(receiver: Receiver) -> list[str]:
    return [event.key for _, body in list(receiver.received) for event in parse_storage_event(body, "ments-media")]


def _events(receiver: Receiver, key: str) -> list[ObjectCreated]:
    found = [event for _, body in receiver.received for event in parse_storage_event(body, "ments-media")]
    return [event for event in found if event.key == key]


def _folders(receiver: Receiver) -> list[bytes]:
    return [body for _, body in receiver.received if json.loads(body)["message"]["new_entry"].get("is_directory")]


async def _until(met: Callable[[], bool], limit_s: float = 10) -> None:
    deadline = time.monotonic() + limit_s
    while not met():
        assert time.monotonic() < deadline, "nothing came"
        await asyncio.sleep(0.05)
