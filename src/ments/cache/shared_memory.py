"""Values that one of a server's processes made and the others may take: a ring of bytes for each process, in memory they share.

Each process writes into a ring of its own and reads those of the others, so nobody waits for a lock. What is read is a hint
until its digest has been checked: the writer may have gone over it meanwhile, or died within it. A value may be overwritten
at any time; whoever needs it makes it anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import mmap
import os
import struct
import time
from dataclasses import dataclass
from multiprocessing.context import get_spawning_popen
from multiprocessing.reduction import DupFd
from typing import Any
from uuid import UUID

RING_BYTES = 16 * 1024 * 1024
# An eighth of a ring: what is larger would push out too much.
VALUE_MAX = RING_BYTES // 8
_SLOTS = 4096
_DIGEST = 32
# Key, account, begun, until (seconds, monotonic), where in the ring, length; then the digest of these and the value.
_ENTRY = struct.Struct("<32s16sddII")
# Of keys that are being made: a part of the key, and since when.
_MAKING = struct.Struct("<Qd")
_SLOT_BYTES = 128
# A region is slots, what is being made, and the ring.
_MAKING_AT = _SLOTS * _SLOT_BYTES
_RING_AT = _MAKING_AT + _SLOTS * _MAKING.size
_REGION_BYTES = _RING_AT + RING_BYTES


@dataclass(frozen=True, slots=True)
class Shared:
    """A value as it was put: begun and until are seconds by the monotonic clock, which processes of a machine share."""

    account_id: UUID
    begun: float
    until: float
    value: bytes


class SharedMemory:
    """Memory for some processes of one server. Made by the parent, handed to a child as it is spawned, attached there.

    Memory is taken as it is written: at most 17 MiB a process.
    """

    def __init__(self, processes: int) -> None:
        """Raises OSError where the system gives no memory of this kind."""
        self.regions = processes
        # No name in any folder, nobody else's to open, and gone with the last process; /dev/shm may be small.
        self._fd = os.memfd_create("ments-shared", os.MFD_CLOEXEC)
        try:
            os.ftruncate(self._fd, self.regions * _REGION_BYTES)
        except OSError:
            os.close(self._fd)
            raise

    def __getstate__(self) -> tuple[int, Any]:
        if get_spawning_popen() is None:
            raise TypeError("Shared memory is handed to a process that is being spawned, to nobody else.")
        return self.regions, DupFd(self._fd)

    def __setstate__(self, state: tuple[int, Any]) -> None:
        self.regions, handed = state
        self._fd = handed.detach()
        os.set_inheritable(self._fd, False)

    def attach(self) -> SharedCache:
        """Take part, once a process. One that finds all rings taken (whose owner is not quite gone) only reads.

        Raises OSError where it cannot be mapped.
        """
        return SharedCache(self._fd, self.regions, self._take_region())

    def _take_region(self) -> int | None:
        for region in range(self.regions):
            try:
                # Given back by the system when the process ends, however it ends.
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, region)
            except OSError:
                continue
            return region
        return None


class SharedCache:
    """One process's part in shared memory. Keys are bytes; a value is found under the newest that has its slot."""

    def __init__(self, fd: int, regions: int, own: int | None) -> None:
        self._map = mmap.mmap(fd, regions * _REGION_BYTES)
        self._own = None if own is None else own * _REGION_BYTES
        self._others = [region * _REGION_BYTES for region in range(regions) if region != own]
        if self._own is not None:
            # Of who had it before: what it was making it makes no more.
            start, end = self._own + _MAKING_AT, self._own + _RING_AT
            self._map[start:end] = bytes(end - start)
        self._end = 0

    def put(self, key: bytes, account_id: UUID, begun: float, until: float, value: bytes) -> bool:
        """Let the others have a value; says whether they may: not where it is too large, or this process has no ring."""
        if self._own is None or len(value) > VALUE_MAX:
            return False
        memory, own, size = self._map, self._own, len(value)
        position = self._end if self._end + size <= RING_BYTES else 0
        self._end = position + size
        at = own + _RING_AT + position
        memory[at : at + size] = value
        name = _name(key)
        entry = _ENTRY.pack(name, account_id.bytes, begun, until, position, size)
        slot = own + _slot_of(name) * _SLOT_BYTES
        memory[slot : slot + _ENTRY.size + _DIGEST] = entry + _digest(entry, value)
        return True

    def find(self, key: bytes) -> Shared | None:
        """What another process put under a key and is not over; the one begun last, where there are several."""
        name, now = _name(key), time.monotonic()
        found = [one for region in self._others if (one := self._read(region, name, now)) is not None]
        return max(found, key=lambda one: one.begun) if found else None

    def _read(self, region: int, name: bytes, now: float) -> Shared | None:
        memory = self._map
        slot = region + _slot_of(name) * _SLOT_BYTES
        entry = memory[slot : slot + _ENTRY.size]
        if not entry.startswith(name):
            return None
        _, account, begun, until, position, size = _ENTRY.unpack(entry)
        if not begun <= now < until or position + size > RING_BYTES:
            return None
        at = region + _RING_AT + position
        value = memory[at : at + size]
        digest = memory[slot + _ENTRY.size : slot + _ENTRY.size + _DIGEST]
        if _digest(entry, value) != digest:
            return None
        return Shared(UUID(bytes=account), begun, until, value)

    # making -------------------------------------------------------------------------

    def begin(self, key: bytes, begun: float) -> None:
        """Say that a value is being made here; `end` it, whatever comes of it."""
        if self._own is not None:
            _MAKING.pack_into(self._map, _making_at(self._own, name := _name(key)), _part(name), begun)

    def end(self, key: bytes) -> None:
        """Say that it is made, or will not be."""
        if self._own is not None:
            at = _making_at(self._own, name := _name(key))
            if _MAKING.unpack_from(self._map, at)[0] == _part(name):
                _MAKING.pack_into(self._map, at, 0, 0.0)

    def making_since(self, key: bytes) -> float | None:
        """Since when another process makes a value (seconds, monotonic), the latest of them; None: nobody says so.

        Whoever died meanwhile, or is slow, seems to make it still: waiting for it takes a bound.
        """
        name = _name(key)
        part = _part(name)
        told = (_MAKING.unpack_from(self._map, _making_at(region, name)) for region in self._others)
        return max((since for whose, since in told if whose == part), default=None)


def _name(key: bytes) -> bytes:
    return hashlib.blake2b(key, digest_size=32).digest()


def _part(name: bytes) -> int:
    return int.from_bytes(name[:8], "little") or 1


def _slot_of(name: bytes) -> int:
    return int.from_bytes(name[8:12], "little") % _SLOTS


def _making_at(region: int, name: bytes) -> int:
    return region + _MAKING_AT + _slot_of(name) * _MAKING.size


def _digest(entry: bytes, value: bytes) -> bytes:
    taken = hashlib.blake2b(entry, digest_size=_DIGEST)
    taken.update(value)
    return taken.digest()
