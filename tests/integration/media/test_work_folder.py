"""Folders of tries: gone at the end, also when the process was killed, and never one in use."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from ments.errors import Retryable
from ments.media.folder import remove_left_folders, work_folder

HOLD = "import time\nfrom ments.media.folder import work_folder\nwith work_folder(1) as f:\n print(f, flush=True)\n time.sleep(60)"


def test_a_folder_goes_with_its_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def use() -> None:
        with work_folder(1) as folder:
            (folder / "out" / "file").write_text("x")
            assert folder.stat().st_mode & 0o777 == 0o700
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        use()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_and_what_is_in_use_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True, env={"TMPDIR": str(tmp_path)}
    )
    with holder:
        assert holder.stdout is not None
        folder = Path(holder.stdout.readline().strip())
        assert remove_left_folders(tmp_path) == 0
        assert folder.exists()
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
    assert folder.exists()
    assert remove_left_folders(tmp_path) == 1
    assert not folder.exists()


def test_a_folder_that_was_just_made_is_not_taken_for_one_that_was_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    done = threading.Event()

    def tidy() -> None:
        while not done.is_set():
            remove_left_folders(tmp_path)

    tidying = threading.Thread(target=tidy)
    tidying.start()
    try:
        for _ in range(500):
            with work_folder(1) as folder:
                assert (folder / "out").is_dir()
    finally:
        done.set()
        tidying.join(10)


def test_a_full_disk_is_said_before_anything_is_fetched() -> None:
    with pytest.raises(Retryable, match="no room"), work_folder(2**60):
        raise AssertionError("there is no such disk")
