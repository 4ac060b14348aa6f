"""Storage's notifications: bodies as they were received, and everything that must be passed over."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.storage import MalformedEvent, ObjectCreated, parse_storage_event, render_notification_toml

KEY = "media/0190f5f0-0000-7000-8000-000000000001/original"
# Received from SeaweedFS 4.48, shortened to what matters.
OBJECT: dict[str, Any] = {
    "event_type": "create",
    "key": f"/buckets/ments-media/{KEY}",
    "message": {
        "new_entry": {
            "name": "original",
            "chunks": [{"size": 100, "fid": {"volume_id": 1, "file_key": 1, "cookie": 3720381315}}],
            "attributes": {"file_size": 100, "mtime": 1795507067, "mime": "video/mp4"},
            "extended": {"Seaweed-X-Amz-Owner": "bWVudHM="},
        },
        "delete_chunks": True,
        "new_parent_path": "/buckets/ments-media/media/0190f5f0-0000-7000-8000-000000000001",
        "signatures": [-531181272],
    },
}
FOLDER: dict[str, Any] = {
    "event_type": "create",
    "key": "/buckets/ments-media/media/0190f5f0-0000-7000-8000-000000000001",
    "message": {"new_entry": {"name": "0190f5f0", "is_directory": True, "attributes": {"mtime": 1}}},
}
RECORD: dict[str, Any] = {
    "eventName": "ObjectCreated:CompleteMultipartUpload",
    "s3": {"bucket": {"name": "ments-media"}, "object": {"key": KEY.replace("/", "%2F"), "size": 6000100}},
}


def parse(document: object) -> list[ObjectCreated]:
    return parse_storage_event(json.dumps(document).encode(), "ments-media")


def test_seaweedfs_names_the_object_and_its_size() -> None:
    assert parse(OBJECT) == [ObjectCreated("ments-media", KEY, 100)]


def test_an_empty_object_has_no_file_size() -> None:
    empty = {**OBJECT, "message": {"new_entry": {"name": "original", "attributes": {"mime": "video/mp4"}}}}
    assert parse(empty) == [ObjectCreated("ments-media", KEY, 0)]


@pytest.mark.parametrize(
    "event",
    [
        FOLDER,
        {**OBJECT, "event_type": "delete", "message": {"old_entry": OBJECT["message"]["new_entry"]}},
        {**OBJECT, "event_type": "rename"},
        {**OBJECT, "key": f"/buckets/other/{KEY}"},
        {**OBJECT, "key": f"/buckets/ments-media2/{KEY}"},
        {**OBJECT, "key": "/buckets/ments-media/.uploads/0fab/0001_x.part"},
        {**OBJECT, "key": "/topics/.system/log/2026-11-24/08-00"},
        {**OBJECT, "key": "/etc/iam/identity.json"},
        {**OBJECT, "key": "/buckets/ments-media/"},
        {**OBJECT, "key": "/buckets/ments-media/media/../original"},
        {**OBJECT, "key": "/buckets/ments-media/" + "a" * 1025},
    ],
)
def test_what_does_not_concern_us_is_passed_over(event: object) -> None:
    assert parse(event) == []


def test_s3_records() -> None:
    others = [
        {**RECORD, "eventName": "ObjectRemoved:Delete"},
        {**RECORD, "s3": {**RECORD["s3"], "bucket": {"name": "other"}}},
        {**RECORD, "eventName": "s3:ObjectCreated:Put", "s3": {**RECORD["s3"], "object": {"key": "posts/a+b/x.mp4"}}},
    ]
    assert parse({"Records": [RECORD, *others]}) == [
        ObjectCreated("ments-media", KEY, 6000100),
        ObjectCreated("ments-media", "posts/a b/x.mp4", None),
    ]
    assert parse({"Records": []}) == []
    assert parse({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "ments-media"}) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"null",
        b"{}",
        b'{"Records": {}}',
        b'{"Records": [{}]}',
        b'{"Records": [null]}',
        b'{"Records": [{"eventName": 1, "s3": {"bucket": {"name": "ments-media"}, "object": {"key": "k"}}}]}',
        b'{"event_type": "create", "key": 5, "message": {}}',
        b'{"event_type": "create", "key": "/buckets/ments-media/media/x", "message": []}',
        b"[" * 100_000,
    ],
)
def test_what_cannot_be_read_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedEvent):
        parse_storage_event(body, "ments-media")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)


@given(noise=json_values, where=st.sampled_from(["message", "key", "event_type", "Records"]))
def test_no_json_breaks_the_parser(noise: object, where: str) -> None:
    try:
        found = parse({**OBJECT, where: noise})
    except MalformedEvent:
        return
    assert all(event.bucket == "ments-media" and event.key for event in found)


def test_the_rendered_notification_is_toml_for_created_objects_only() -> None:
    text = render_notification_toml("http://127.0.0.1:8000/api/webhooks/storage", 'to"ken', "ments-media")
    webhook = tomllib.loads(text)["notification"]["webhook"]
    assert webhook["endpoint"] == "http://127.0.0.1:8000/api/webhooks/storage"
    assert webhook["bearer_token"] == 'to"ken'
    assert webhook["event_types"] == ["create"]
    assert webhook["path_prefixes"] == ["/buckets/ments-media/media/", "/buckets/ments-media/posts/"]
