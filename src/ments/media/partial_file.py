"""A file of which only some bytes are there; the others read as zeros, and take no room on the disk."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from pathlib import Path

from ments.media.byte_ranges import Range, find_missing, join_ranges


class PartialFile:
    """As long as the whole one; knows which bytes of it are true. Several threads may put at once."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self._held: list[Range] = []
        self._noting = threading.Lock()

    def make(self) -> None:
        """Make the file, without a single byte of the whole one. Raises OSError."""
        with self.path.open("xb") as file:
            file.truncate(self.size)

    def put(self, start: int, data: bytes) -> None:
        """Write what stands at `start` in the whole file. Raises OSError."""
        file = os.open(self.path, os.O_WRONLY)
        try:
            os.pwrite(file, data, start)
        finally:
            os.close(file)
        with self._noting:  # else what another thread notes meanwhile is lost, and counts as missing
            self._held = join_ranges([*self._held, (start, start + len(data))])

    def find_missing(self, wanted: Iterable[Range]) -> list[Range]:
        """What is not there of some ranges; past the file's end there is nothing."""
        return find_missing([(start, min(end, self.size)) for start, end in wanted], self._held)
