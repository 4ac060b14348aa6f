"""A file of which some bytes are there, written by several threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier, BrokenBarrierError

import pytest

from ments.media import partial_file
from ments.media.byte_ranges import Range, join_ranges
from ments.media.partial_file import PartialFile


def test_what_two_threads_put_at_once_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = PartialFile(tmp_path / "a", 300)
    file.make()
    both = Barrier(2)

    def join_late(ranges: list[Range]) -> list[Range]:
        """Both have read what is held before one notes its own, where nothing keeps them apart."""
        with suppress(BrokenBarrierError):
            both.wait(0.3)
        return join_ranges(ranges)

    monkeypatch.setattr(partial_file, "join_ranges", join_late)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(file.put, (0, 200), (b"a" * 100, b"b" * 100)))
    assert file.find_missing([(0, 400)]) == [(100, 200)]
    assert (tmp_path / "a").read_bytes() == b"a" * 100 + bytes(100) + b"b" * 100
