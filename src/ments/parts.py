"""What every handler and task is given: the settings and the open connections of this process.

Only `app.py` builds one. Tests may build one over a database of their own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from ments.cache import Heard, PageCache, Valkey
from ments.cache.kept import Kept
from ments.cache.versioned import Versioned
from ments.db import Primary, Replica, Session
from ments.edge.media_urls import MediaUrls
from ments.jobs.backlog import Backlog
from ments.jobs.outbox import Outbox
from ments.settings import Settings
from ments.storage import Bucket, Signer

SeesMedia = Callable[[Session, UUID | None, UUID], Awaitable[bool]]
"""Whether a reader (None: a visitor) may see a post that holds these media: `posts` says it, which `media` does not know."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a process, open for as long as it runs."""

    settings: Settings
    primary: Primary
    replica: Replica
    valkey: Valkey
    pages: PageCache
    heard: Heard
    # What is known of sessions, while this process hears when they end: filled by `accounts.sessions`.
    sessions: Kept[Any]
    # Everybody's parts of cards, by the version of the post: filled by `posts.fragments`.
    fragments: Versioned[Any]
    bucket: Bucket
    signer: Signer
    media_urls: MediaUrls
    outbox: Outbox
    # What waits for the media workers.
    backlogs: tuple[Backlog, ...]
    sees_media: SeesMedia
