"""Addresses of media at the edge: public ones, and private ones with a signature ahead of the file."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable, Sequence
from uuid import UUID

# No URL lives longer. Expiries fall on a grid, so that viewers of the same minutes share one URL.
LONGEST_LIFE_S = 900
_GRID_S = 300
_SAFE_FILE = re.compile(r"(?:[A-Za-z0-9_-]{1,80}/){0,3}[A-Za-z0-9_-]{1,80}(?:\.[A-Za-z0-9]{1,8}){1,2}")


class MediaUrls:
    """Signs with the first key; the edge accepts each.

    keys      one or two, newest first
    base_url  '' for paths on the host that was asked, or a CDN's prefix without a trailing slash
    clock     seconds since the epoch
    """

    def __init__(self, keys: Sequence[str], base_url: str = "", clock: Callable[[], float] = time.time) -> None:
        if not keys:
            raise ValueError("at least one signing key")
        self._key = keys[0].encode()
        self._base_url = base_url
        self._clock = clock

    def public(self, media_id: UUID | str, generation: str, file: str) -> str:
        """Address one file of a public generation (`p...`); good for ever."""
        return f"{self._base_url}/p/{_tree(media_id, generation, file, 'p')}"

    def private(self, media_id: UUID | str, epoch: int, generation: str, file: str, now: float | None = None) -> str:
        """Address one file of a private generation (`s...`); good for 600 to 900 s.

        epoch  the media's, at the moment the viewer was found to be allowed
        now    seconds since the epoch; the clock's when left out

        The signature covers the media and the epoch, not the file: a playlist's relative URLs keep it.
        """
        now_s = int(self._clock() if now is None else now)
        expires_s = (now_s + LONGEST_LIFE_S) // _GRID_S * _GRID_S
        signature = sign_media(self._key, str(media_id), epoch, expires_s)
        return f"{self._base_url}/m/{epoch}.{expires_s}.{signature}/{_tree(media_id, generation, file, 's')}"

    def url(self, media_id: UUID | str, epoch: int, generation: str, file: str, now: float | None = None) -> str:
        """Address one file by its generation's letter: `p...` public, `s...` private."""
        if generation.startswith("p"):
            return self.public(media_id, generation, file)
        return self.private(media_id, epoch, generation, file, now)


def sign_media(key: bytes, media_id: str, epoch: int, expires_s: int) -> str:
    """base64url(HMAC-SHA-256(key, "media_id|epoch|expires")) without padding: 43 characters."""
    digest = hmac.new(key, f"{media_id}|{epoch}|{expires_s}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _tree(media_id: UUID | str, generation: str, file: str, letter: str) -> str:
    if not re.fullmatch(letter + r"\d{1,9}", generation):
        raise ValueError(f"generation {generation!r} is not {letter}N")
    if not _SAFE_FILE.fullmatch(file):
        raise ValueError(f"the edge does not serve a file named {file!r}")
    return f"{media_id}/{generation}/{file}"
