"""What media are: their states, their outputs, their errors. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import ClassVar
from uuid import UUID

from ments.errors import Conflict, Invalid, NotFound, Permanent


class MediaStatus(StrEnum):
    """Where a piece of media stands. `ready`, `failed` and `erased` are final."""

    UPLOADING = "uploading"
    QUEUED = "queued"
    PROCESSING = "processing"
    PLAYABLE = "playable"
    READY = "ready"
    FAILED = "failed"
    ERASED = "erased"

    @property
    def is_final(self) -> bool:
        return self in (MediaStatus.READY, MediaStatus.FAILED, MediaStatus.ERASED)

    @property
    def is_playable(self) -> bool:
        return self in (MediaStatus.PLAYABLE, MediaStatus.READY)


class MediaKind(StrEnum):
    VIDEO = "video"
    PHOTO = "photo"
    AUDIO = "audio"


class Audience(StrEnum):
    """Who may fetch the outputs: whoever holds a signed URL, or everybody."""

    PRIVATE = "private"
    PUBLIC = "public"

    @property
    def letter(self) -> str:
        """First letter of the generations written for this audience."""
        return "p" if self is Audience.PUBLIC else "s"


class UploadStatus(StrEnum):
    OPEN = "open"
    COMPLETED = "completed"
    ABORTED = "aborted"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Variant:
    """One file that can be played or shown, in the folder of the media's generation.

    bytes  size of the file; bitrate in bit/s, 0 where it means nothing (photos)
    """

    file: str
    kind: MediaKind
    name: str
    content_type: str
    width: int
    height: int
    bytes: int
    bitrate: int


@dataclass(frozen=True, slots=True)
class Media:
    """One row of `media`. Sizes in px after rotation, length in s; progress from 0 to 1, never falling.

    job_id         the job that holds them, or held them last
    original_key   where a producer outside put the original; None for an upload of ours
    original_etag  the bytes that lay there then
    pieces_number  the try whose pieces they are, or will be, made of; None for photos and sounds
    hls_file       the playlist of playlists; alike the storyboard's cues and the moving preview: None until there is one
    """

    id: UUID
    account_id: UUID
    status: MediaStatus
    kind: MediaKind | None
    filename: str
    progress: float
    error_code: str | None
    error_text: str | None
    audience: Audience
    attempt_generation: int
    job_id: str | None
    original_key: str | None
    original_etag: str | None
    generation: str | None
    epoch: int
    width: int | None
    height: int | None
    duration_s: float | None
    poster_file: str | None
    blurhash: str | None
    variants: tuple[Variant, ...]
    created_at: datetime
    updated_at: datetime
    deadline_at: datetime | None
    hls_file: str | None = None
    storyboard_file: str | None = None
    preview_file: str | None = None
    pieces_number: int | None = None

    @property
    def key(self) -> str:
        """Where the original lies."""
        return self.original_key or f"media/{self.id}/original"

    def is_playable_for(self, audience: Audience) -> bool:
        """Whether outputs exist that this audience may fetch: a public one needs a `p` generation."""
        if not self.status.is_playable or self.generation is None:
            return False
        return audience is Audience.PRIVATE or self.generation.startswith(Audience.PUBLIC.letter)


@dataclass(frozen=True, slots=True)
class Upload:
    """One row of `uploads`: what was promised to be sent. `part_size` in bytes, None for a single PUT."""

    id: UUID
    media_id: UUID
    account_id: UUID
    status: UploadStatus
    filename: str
    content_type: str
    size: int
    part_size: int | None
    created_at: datetime
    expires_at: datetime

    @property
    def key(self) -> str:
        return f"media/{self.media_id}/original"


@dataclass(frozen=True, slots=True)
class VideoStream:
    """The picture as it is shown: px after rotation and square pixels; `rate` in frames/s, measured.

    is_interlaced  lines of two moments in one picture, as its first one says
    """

    index: int
    codec: str
    width: int
    height: int
    rotation: int
    rate: float
    pixel_format: str
    transfer: str
    length_s: float
    decodable: bool
    is_interlaced: bool = False

    @property
    def is_hdr(self) -> bool:
        return self.transfer in ("smpte2084", "arib-std-b67")


@dataclass(frozen=True, slots=True)
class AudioStream:
    index: int
    codec: str
    channels: int
    length_s: float
    decodable: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """What was found in a file by reading every packet.

    container  the demuxer's name
    claimed_s  the length that the container claims, None when it only guesses
    length_s   the end of the last packet
    """

    container: str
    claimed_s: float | None
    length_s: float
    video: VideoStream | None
    audio: AudioStream | None


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of the ladder: short side in px, the most video that it may cost in bit/s."""

    short_side: int
    video_bitrate: int


@dataclass(frozen=True, slots=True)
class Rendition:
    """A rung fitted to one source: exact even sides in px, video rate cap in bit/s."""

    width: int
    height: int
    video_bitrate: int

    @property
    def name(self) -> str:
        return f"{min(self.width, self.height)}p"


# Errors.


class UploadNotFound(NotFound):
    """No such upload, or it is somebody else's."""

    code = "upload_not_found"


class MediaNotFound(NotFound):
    """No such media, or the asker may not know of it."""

    code = "media_not_found"


class UploadRefused(Invalid):
    """What is about to be sent can't be accepted: too large, or of a kind that we don't take."""

    code = "upload_refused"


class UploadMissing(Conflict):
    """Completed before anything was sent."""

    code = "upload_missing"


class UploadClosed(Conflict):
    """The upload was completed, aborted or has expired."""

    code = "upload_closed"


class UnplayableMedia(Permanent):
    """The member's file can't be turned into something that plays; `safe` tells the author why."""

    code: ClassVar[str] = "unplayable"
    status: ClassVar[HTTPStatus] = HTTPStatus.UNPROCESSABLE_ENTITY
