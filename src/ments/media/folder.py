"""Folders for the files of one try: gone when it ends, also when its process was killed."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ments.media.kept_originals import make_room

_PREFIX = "ments-media-"


@contextmanager
def work_folder(needed_bytes: int, originals: Path | None = None) -> Iterator[Path]:
    """Make a private folder with `source` (a path, not made yet) and `out` (a folder) to work in.

    originals  the folder of those that are kept: they go first when room is short
    Raises Away when the disk has less than `needed_bytes` and a reserve left, Retryable when it never will have.
    """
    root = Path(tempfile.gettempdir())
    remove_left_folders(root)
    make_room(root, needed_bytes, originals)
    folder, held = _make_held(root)
    try:
        (folder / "out").mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _make_held(root: Path) -> tuple[Path, int]:
    """Make a folder and lock it. The lock dies with the process, whatever ends it: that tells a left folder from one in use.

    Between the two another worker may take the folder for one that was left, and remove it: then there is a next one.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        try:
            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        fcntl.flock(held, fcntl.LOCK_EX)
        if os.fstat(held).st_nlink:
            return folder, held
        os.close(held)


def remove_left_folders(root: Path) -> int:
    """Remove the folders of processes that died; returns how many."""
    removed = 0
    for folder in root.glob(f"{_PREFIX}*"):
        try:
            held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            continue  # another's, or gone meanwhile
        try:
            if os.fstat(held).st_uid == os.geteuid():
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
        except BlockingIOError:
            continue  # in use
        finally:
            os.close(held)
    return removed
