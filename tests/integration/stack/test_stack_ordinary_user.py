"""The stack belongs to whoever starts it; root is not needed."""

from __future__ import annotations

import os
import pwd
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from running_stack import RunningStack, clean_environ, open_folder

# Some account without rights that Debian has; initdb wants one with a name.
_UID = pwd.getpwnam("www-data").pw_uid


@pytest.fixture
def folder() -> Iterator[Path]:
    made = open_folder("ments-user-")
    yield made
    shutil.rmtree(made)


@pytest.mark.timeout(600)
def test_an_ordinary_user_starts_and_stops_a_stack(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if os.geteuid() == 0:
        os.chown(folder, _UID, _UID)
        become = ["/usr/bin/setpriv", f"--reuid={_UID}", f"--regid={_UID}", "--clear-groups"]
        # Where root's own Python lies under /root, the user is lent the right to read it; to write, never.
        become += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--"]
        monkeypatch.setattr("running_stack.MENTS", [*become, sys.executable, "-m", "ments"])
    ours = RunningStack.start(folder / "home", environ=clean_environ(HOME=str(folder)))
    status = ours.status()
    assert status["ready"]
    users = {psutil.Process(part["pid"]).uids().effective for part in status["parts"].values()}
    assert users == {_UID if os.geteuid() == 0 else os.geteuid()}
    ours.stop()
    assert not ours.status()["ready"]
