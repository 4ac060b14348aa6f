"""What may be uploaded, who may see media, and when a state has lasted too long. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from ments.errors import Permanent
from ments.media.model import Audience, Media, MediaKind, MediaStatus, Probe, UnplayableMedia, UploadRefused

SINGLE_PUT_MAX_BYTES = 64 * 1024 * 1024
"""Above this an upload goes in parts, so that a broken connection costs one part."""

OPEN_UPLOADS_MAX = 100
"""Uploads that one account may have open at once: a minute's worth of the rate limit, with room."""

KEY_MAX_BYTES = 1024
"""What the S3 API allows for a key."""

PARTS_MAX = 10_000
"""What the S3 API allows for one object."""

UPLOAD_LIFETIME = timedelta(hours=24)
SIGNATURE_LIFETIME = timedelta(hours=6)
"""The longest that a signature for one part outlives its upload: long enough for a slow phone to send it."""
QUEUE_LIFETIME = timedelta(hours=1)
"""When the sweeper asks the ledger about a job that has not begun."""
CLAIM_LIFETIME = timedelta(minutes=3)
"""When a try that shows no life may be followed by another job's, and the sweeper asks the ledger about it."""
PLAYABLE_LIFETIME = timedelta(minutes=10)
"""When the sweeper asks the ledger about a film that plays, and of which no piece was stored for so long."""
UNATTACHED_LIFETIME = timedelta(hours=24)
SWEEP_AGAIN = timedelta(minutes=5)
"""When the sweeper comes back to what it could not do."""
OPENING_LIFETIME = timedelta(minutes=5)
"""How long opening finished media to everybody may take before it is begun again."""
LENGTH_MAX_S = 4 * 3600.0
FRAME_MAX_PX = 9_437_184
"""4096x2304. Measured: an 8K frame with four references takes 983 MB to decode."""
RATE_MAX = 300.0
"""Frames a second; phones' slow motion is 240."""

FILENAME_MAX = 200
CONTENT_TYPE_MAX = 129
"""Longest type and subtype that are signed, with the slash."""

_IMAGES = {"image/jpeg", "image/jpg", "image/png", "image/webp", "image/avif", "image/gif", "image/heic", "image/heif"}
_UNDECLARED = {"", "application/octet-stream", "binary/octet-stream"}
_BY_SUFFIX = {
    **dict.fromkeys((".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".heic", ".heif"), MediaKind.PHOTO),
    **dict.fromkeys((".mp3", ".m4a", ".aac", ".wav", ".flac", ".ogg", ".oga", ".opus"), MediaKind.AUDIO),
    **dict.fromkeys(
        (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".flv", ".wmv", ".3gp", ".ts", ".mts", ".m2ts", ".mpg"),
        MediaKind.VIDEO,
    ),
}


@dataclass(frozen=True, slots=True)
class UploadPlan:
    """An upload that may be started. Sizes in bytes; `part_size` None for a single PUT."""

    filename: str
    content_type: str
    size: int
    part_size: int | None


def plan_upload(
    filename: str, content_type: str, size: int, *, video_max_bytes: int, image_max_bytes: int, part_bytes: int
) -> UploadPlan:
    """Decide whether a file may be sent, by what the browser says of it; the probe decides for good later.

    Raises UploadRefused: 415 for what is neither video, photo nor sound, 413 for what is too large.
    """
    declared = content_type.split(";")[0].strip().lower()
    if len(declared) > CONTENT_TYPE_MAX:
        declared = ""  # no type at all; it is only a hint, and is kept with the upload
    name = clean_filename(filename)
    kind = _kind_of(declared, PurePosixPath(name).suffix.lower())
    if kind is None:
        raise UploadRefused(
            "We take videos, photos (JPEG, PNG, WebP, AVIF, GIF, HEIC) and sound files. This is something else.",
            code="unsupported_type",
            status=HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        )
    if size < 1:
        raise UploadRefused("This file is empty.", code="empty_file")
    limit = image_max_bytes if kind is MediaKind.PHOTO else video_max_bytes
    if size > limit:
        noun = {MediaKind.PHOTO: "A photo", MediaKind.VIDEO: "A video", MediaKind.AUDIO: "A sound file"}[kind]
        raise UploadRefused(
            f"{noun} may have up to {show_bytes(limit)}; this one is larger.",
            code="too_large",
            status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            extra={"limit_bytes": limit},
        )
    if size <= SINGLE_PUT_MAX_BYTES:
        return UploadPlan(name, declared, size, None)
    return UploadPlan(name, declared, size, max(part_bytes, -(-size // PARTS_MAX)))


def _kind_of(declared: str, suffix: str) -> MediaKind | None:
    if declared in _IMAGES:
        return MediaKind.PHOTO
    if declared.startswith("video/"):
        return MediaKind.VIDEO
    if declared.startswith("audio/"):
        return MediaKind.AUDIO
    if declared in _UNDECLARED:
        # Phones often declare nothing, and may give no suffix either: then the probe decides.
        return MediaKind.VIDEO if not suffix else _BY_SUFFIX.get(suffix)
    return None


def clean_filename(filename: str) -> str:
    """Make a name fit to be shown: its last component, no control or direction marks, at most 200 characters.

    It is never part of a path or key. Never empty.
    """
    last = re.split(r"[/\\]", filename)[-1]
    shown = "".join(char for char in last if unicodedata.category(char)[0] != "C").strip()
    if len(shown) > FILENAME_MAX:
        suffix = PurePosixPath(shown).suffix[:10]
        shown = shown[: FILENAME_MAX - len(suffix)] + suffix
    return shown or "file"


def show_bytes(size: int) -> str:
    """A size for people: `50 MB`, `2 GiB`."""
    for unit, name in ((1024**3, "GiB"), (1024**2, "MiB"), (10**6, "MB")):
        if size >= unit and size % unit == 0:
            return f"{size // unit} {name}"
    if size >= 10**9:
        return f"{size / 10**9:.1f} GB"
    return f"{size / 10**6:.1f} MB" if size >= 10**5 else f"{size:,} bytes"


def media_id_of_key(key: str) -> UUID | None:
    """The media whose original lies at `key`, `media/{id}/original`; None for every other object."""
    match = re.fullmatch(r"media/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/original", key)
    return UUID(match[1]) if match else None


def check_outside_key(key: str) -> None:
    """Refuse a key where no producer outside may have put an original.

    Whoever writes into the queue is trusted like an operator, but not to know what is whose: under `media/` lies what
    members sent, and what was made of it. Raises Permanent with words for the producer.
    """
    if not 1 <= len(key.encode(errors="surrogatepass")) <= KEY_MAX_BYTES:
        raise Permanent(f"The key of an original has 1 to {KEY_MAX_BYTES} bytes.", code="unknown_key")
    if any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in key):
        raise Permanent("The key of an original holds control characters.", code="unknown_key")
    parts = key.split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise Permanent("The key of an original is a plain path, such as posts/123/original.mp4.", code="unknown_key")
    if parts[0].lower() in ("media", "system"):
        raise Permanent(
            f"Under {parts[0]}/ lies what ments keeps itself; an original of yours lies elsewhere, such as "
            "posts/123/original.mp4.",
            code="unknown_key",
        )


def post_id_of(opts: Mapping[str, Any]) -> UUID | None:
    """The post that a producer outside names in its options, when it can be one of ours."""
    named = opts.get("postId")
    try:
        return UUID(named) if isinstance(named, str) else None
    except ValueError:
        return None


def may_see(media: Media, *, viewer_id: UUID | None, held_by_seen_post: bool) -> bool:
    """Who may know of a piece of media: its owner, and whoever may see the post that holds it."""
    if media.status is MediaStatus.ERASED:
        return False
    return viewer_id == media.account_id or held_by_seen_post


def next_generation(audience: Audience, number: int) -> str:
    """The folder of one try: `p7`, or `s7` for outputs that only signed URLs may fetch."""
    return f"{audience.letter}{number}"


def number_of_generation(folder: str) -> int | None:
    """The number of a generation's folder; None for what is none."""
    match = re.fullmatch(r"[ps](\d{1,9})", folder)
    return int(match[1]) if match else None


def check_probe(probe: Probe) -> None:
    """Refuse what would take too much time or memory, and what has lost its end.

    Raises UnplayableMedia with words for the author.
    """
    video, audio = probe.video, probe.audio
    if video is None and audio is None:
        raise UnplayableMedia("There is neither picture nor sound in this file.", code="nothing_to_play")
    if video is not None and not video.decodable:
        raise UnplayableMedia(f"The picture is {_name(video.codec)}, which we can't read.", code="picture_unreadable")
    if audio is not None and not audio.decodable:
        what = "The picture is fine, but the sound" if video else "The sound"
        raise UnplayableMedia(
            f"{what} is {_name(audio.codec)}, which we can't read. Save it with AAC sound and send it again.",
            code="sound_unreadable",
        )
    if probe.length_s > LENGTH_MAX_S or (probe.claimed_s or 0) > LENGTH_MAX_S:
        raise UnplayableMedia("This lasts longer than 4 hours, which is the most we take.", code="too_long")
    if video is not None and video.width * video.height > FRAME_MAX_PX:
        raise UnplayableMedia(
            f"This video is {video.width} by {video.height} pixels; the most we take is 4096 by 2304.",
            code="too_many_pixels",
        )
    if video is not None and video.rate > RATE_MAX:
        raise UnplayableMedia(
            f"This video has {video.rate:,.0f} frames a second; the most we take is {RATE_MAX:.0f}.", code="too_fast"
        )
    if probe.claimed_s is not None:
        check_whole(probe.length_s, probe.claimed_s)


def check_whole(length_s: float, expected_s: float) -> None:
    """Raise UnplayableMedia when a file or its rendition stops clearly before its end.

    A second, or a fiftieth of a long file, is what containers round and encoders trim.
    """
    if expected_s - length_s > max(1.0 if expected_s > 4 else expected_s / 4, expected_s / 50):
        raise UnplayableMedia(
            f"This file is cut off: it stops after {length_s:.1f} of {expected_s:.1f} s. Send it again.",
            code="cut_off",
        )


def _name(codec: str) -> str:
    known = {"dts": "DTS", "none": "in an unknown format", "prores": "ProRes", "apac": "Apple Positional Audio"}
    return known.get(codec, codec.upper())


def say_backlog(retry_after_s: int) -> str:
    """Tell a member why no upload is begun just now, and when to try again."""
    minutes = round(retry_after_s / 60)
    when = "a minute" if minutes == 1 else f"{minutes} minutes" if minutes else "half a minute"
    return (
        f"So many videos and photos are waiting to be prepared that no new one is taken right now. Try again in about {when}; "
        "posts without files go out as always."
    )


def looks_like_photo(head: bytes) -> bool:
    """Whether a file's first 32 bytes are those of a photo that we take (GIF is asked the video way first)."""
    if head[4:8] == b"ftyp":
        return head[8:12] in (b"avif", b"heic", b"heix", b"heim", b"heis", b"mif1")
    return head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def is_still(probe: Probe) -> bool:
    """Whether a GIF has one picture only: then it is a photo."""
    return probe.video is not None and probe.video.rate * probe.video.length_s < 1.5
