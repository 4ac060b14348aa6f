"""How a cached page lies in Valkey: a version, a moment, a checksum, the bytes. Pure."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

# Change it when the layout or the meaning of cached bytes changes: older entries are then rebuilt.
VERSION = b"p1"
_HEAD = struct.Struct("!2sdIL")


@dataclass(frozen=True, slots=True)
class Entry:
    """A page and the moment (seconds since 1970) until which it is fresh."""

    value: bytes
    fresh_until: float


def pack_entry(entry: Entry) -> bytes:
    """Lay an entry out as bytes."""
    return _HEAD.pack(VERSION, entry.fresh_until, len(entry.value), zlib.crc32(entry.value)) + entry.value


def unpack_entry(raw: bytes) -> Entry | None:
    """Read an entry; None when it is of another version, cut short or altered."""
    if len(raw) < _HEAD.size:
        return None
    version, fresh_until, length, checksum = _HEAD.unpack_from(raw)
    value = raw[_HEAD.size :]
    if version != VERSION or len(value) != length or zlib.crc32(value) != checksum:
        return None
    return Entry(value, fresh_until)
