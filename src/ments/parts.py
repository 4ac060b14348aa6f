"""What every handler and task is given: the settings and the open connections of this process.

Only `app.py` builds one. Tests may build one over a database of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

from ments.cache import PageCache, Valkey
from ments.db import Primary, Replica
from ments.edge.media_urls import MediaUrls
from ments.jobs.backlog import Backlog
from ments.jobs.outbox import Outbox
from ments.settings import Settings
from ments.storage import Bucket, Signer


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a process, open for as long as it runs."""

    settings: Settings
    primary: Primary
    replica: Replica
    valkey: Valkey
    pages: PageCache
    bucket: Bucket
    signer: Signer
    media_urls: MediaUrls
    outbox: Outbox
    # What waits for the media workers.
    backlogs: tuple[Backlog, ...]
