"""What storage tells us about new objects: SeaweedFS's own format, and the one that S3 and MinIO share.

Seen of SeaweedFS 4.48's webhook, with a receiver that looked, refused, failed and hung:

- One POST for each new entry: objects (a finished multipart upload is one), and the folders that appear
  above them, in any order, within 10 ms. `Authorization: Bearer TOKEN`, `Content-Type: application/json`.
- `event_types` and `path_prefixes` do filter; the parts of an unfinished upload lie under
  `/buckets/BUCKET/.uploads/` and so stay out.
- **It asks once.** Whatever `max_retries` says, an answer of 500, a refused connection or a timeout drops
  the event (`dead letter message` in weed's log), and its queue is in memory. A notification is a hint that
  makes things quick: whoever waits for an object must also look (`Bucket.head`) from time to time.
- The body of an object names its chunks of 4 MiB: 2 GiB are about 130 kB of JSON.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from ments.errors import Invalid

# Objects that concern us: ours, and the guide's, which outside producers may write.
WATCHED_FOLDERS = ("media", "posts")
_SYSTEM_SEGMENT = re.compile(r"\.uploads|\.versions|\.system|\.seaweedfs|\.tmp|\.trash|\.minio\.sys")
_LONGEST_KEY = 1024


class MalformedEvent(Invalid):
    """The body of a storage event is not one that we can read."""

    code = "malformed_event"


@dataclass(frozen=True, slots=True)
class ObjectCreated:
    """An object was written. `size` in bytes, None when the event does not say."""

    bucket: str
    key: str
    size: int | None


def render_notification_toml(url: str, token: str, bucket: str) -> str:
    """Render SeaweedFS's `notification.toml`: a POST to `url` for each object created in `bucket`.

    weed reads it from its working folder or from `$HOME/.seaweedfs/`. Write it with mode 0600, since it
    holds the token; the request carries it as `Authorization: Bearer`.
    """
    prefixes = ", ".join(json.dumps(f"/buckets/{bucket}/{folder}/") for folder in WATCHED_FOLDERS)
    return f"""# Rendered by ments.storage; edits are lost at the next start.
[notification.webhook]
enabled = true
endpoint = {json.dumps(url)}
bearer_token = {json.dumps(token)}
timeout_seconds = 5
max_retries = 10
backoff_seconds = 1
max_backoff_seconds = 30
workers = 2
buffer_size = 10000
event_types = ["create"]
path_prefixes = [{prefixes}]
"""


def parse_storage_event(body: bytes, bucket: str) -> list[ObjectCreated]:
    """Read one notification; [] when it is about nothing that was created in `bucket`.

    Passed over: folders, other buckets, deletions, renames, and the systems' own files (such as the
    parts of an unfinished upload under `.uploads`).

    Raises MalformedEvent when the body is neither format.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedEvent("The event is not JSON.") from error
    if not isinstance(document, dict):
        raise MalformedEvent("The event is not a JSON object.")
    if "Records" in document:
        return _s3_records(document["Records"], bucket)
    if "event_type" in document and "key" in document:
        return _seaweed_event(document, bucket)
    if document.get("Event") == "s3:TestEvent":
        return []
    raise MalformedEvent("The event is neither SeaweedFS's (event_type, key) nor S3's (Records).")


def _seaweed_event(document: dict[str, Any], bucket: str) -> list[ObjectCreated]:
    path, message = document["key"], document.get("message")
    if not isinstance(path, str) or not isinstance(message, dict):
        raise MalformedEvent("The event's key or message has the wrong type.")
    entry = message.get("new_entry")
    if document["event_type"] not in ("create", "update") or not isinstance(entry, dict) or entry.get("is_directory"):
        return []
    prefix = f"/buckets/{bucket}/"
    if not path.startswith(prefix):
        return []
    attributes = entry.get("attributes")
    size = attributes.get("file_size", 0) if isinstance(attributes, dict) else None
    return _created(bucket, path.removeprefix(prefix), size)


def _s3_records(records: Any, bucket: str) -> list[ObjectCreated]:
    if not isinstance(records, list):
        raise MalformedEvent("The event's Records are not a list.")
    created: list[ObjectCreated] = []
    for record in records:
        try:
            name, about = record["eventName"], record["s3"]
            at, key, size = about["bucket"]["name"], about["object"]["key"], about["object"].get("size")
        except (KeyError, TypeError, AttributeError) as error:
            raise MalformedEvent("A record lacks eventName, s3.bucket.name or s3.object.key.") from error
        if not isinstance(name, str) or not isinstance(key, str):
            raise MalformedEvent("A record's eventName or key is not text.")
        if at == bucket and re.match(r"(s3:)?ObjectCreated:", name):
            # S3 writes keys as in a form: a space is '+', others are %XX.
            created += _created(bucket, unquote_plus(key), size)
    return created


def _created(bucket: str, key: str, size: Any) -> list[ObjectCreated]:
    if not key or len(key) > _LONGEST_KEY or key.endswith("/") or "\x00" in key:
        return []
    if any(_SYSTEM_SEGMENT.fullmatch(segment) or segment in ("", ".", "..") for segment in key.split("/")):
        return []
    known = size if isinstance(size, int) and not isinstance(size, bool) and size >= 0 else None
    return [ObjectCreated(bucket, key, known)]
