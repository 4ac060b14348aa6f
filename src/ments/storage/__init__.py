"""Storage: signed requests for browsers, bytes for ourselves, and what storage tells us."""

from __future__ import annotations

from ments.storage.bucket import Bucket, ListedObject, ObjectHead, ObjectReplaced
from ments.storage.multipart import Multipart, OpenUpload, Part
from ments.storage.notification import MalformedEvent, ObjectCreated, parse_storage_event, render_notification_toml
from ments.storage.signer import SignedRequest, Signer, part_length

__all__ = [
    "Bucket",
    "ListedObject",
    "MalformedEvent",
    "Multipart",
    "ObjectCreated",
    "ObjectHead",
    "ObjectReplaced",
    "OpenUpload",
    "Part",
    "SignedRequest",
    "Signer",
    "parse_storage_event",
    "part_length",
    "render_notification_toml",
]
