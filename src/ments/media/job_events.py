"""What happens to media: each event's JSON is the payload of the jobs that are bound to it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True)
class MediaUploaded:
    """An original lies at `key` and waits to be transcoded (the guide's payload).

    opts        `postId`: the post that a producer outside made it for
    account_id  whose turn it takes in the queue; never who owns it, since anybody may have written it
    """

    key: str
    opts: dict[str, Any] = field(default_factory=dict)
    account_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class MediaForPost:
    """Media that a producer outside made for a post can be played."""

    media_id: UUID
    post_id: UUID


@dataclass(frozen=True, slots=True)
class MediaPlayable:
    """There is something to play, or there is now under the public audience."""

    media_id: UUID


@dataclass(frozen=True, slots=True)
class PieceWanted:
    """A piece of a film that plays already: some rungs of one chunk. `number` is the try that planned it."""

    media_id: UUID
    number: int
    name: str
    account_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class FirstPieceWanted:
    """The same for a piece without which the film can't be played to its end."""

    media_id: UUID
    number: int
    name: str
    account_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PiecesStored:
    """No piece of a film is left to be made."""

    media_id: UUID
    number: int
    account_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class RebuildWanted:
    """Ready media are to be made anew: begun, or gone on with.

    forced       also when they were made by today's ladder
    number       the try whose pieces are being made; 0 to begin
    poster_file  what that try has made of the beginning so far, and its blurhash
    """

    media_id: UUID
    account_id: UUID | None = None
    forced: bool = False
    number: int = 0
    poster_file: str | None = None
    blurhash: str | None = None


@dataclass(frozen=True, slots=True)
class TranscodeAgain:
    """Media that failed are to be tried once more."""

    media_id: UUID
    account_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class PhotoStored:
    """A photo is ready, and can be had in fewer bytes."""

    media_id: UUID
    account_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class MediaFinished:
    """All that will be made of an original is there: what plays in pages may change to it."""

    media_id: UUID


@dataclass(frozen=True, slots=True)
class MediaFailed:
    """The original will never play; the row says why."""

    media_id: UUID


@dataclass(frozen=True, slots=True)
class PublicAudienceWanted:
    """A public post holds the media, so everybody must be able to fetch it."""

    media_id: UUID


@dataclass(frozen=True, slots=True)
class MediaReleased:
    """Nothing holds these media any more; their objects may go. (posts' PostDeleted has the same `media_ids`.)"""

    media_ids: tuple[UUID, ...]
