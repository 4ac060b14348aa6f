"""Storage: signed requests for browsers, bytes for ourselves, and what storage tells us."""

from __future__ import annotations

from ments.storage.notification import MalformedEvent, ObjectCreated, parse_storage_event, render_notification_toml

__all__ = [
    "MalformedEvent",
    "ObjectCreated",
    "parse_storage_event",
    "render_notification_toml",
]
