"""What the README says can be typed, can be typed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
_TYPED = re.findall(r"```sh\n(.*?)```|`([^`\n]+)`", README, re.DOTALL)
CODE = "\n".join(block or inline for block, inline in _TYPED)
MAKE_TARGETS = sorted(set(re.findall(r"\bmake ([a-z-]+)", CODE)))
COMMANDS = sorted(
    {" ".join(words.split()) for words in re.findall(r"\bments ((?:accounts |tokens |jobs )?[a-z]+)\b", CODE)}
)


def test_the_readme_shows_commands() -> None:
    assert {"up", "test", "check"} <= set(MAKE_TARGETS)
    assert {"smoke", "status", "accounts create", "tokens create", "jobs stats"} <= set(COMMANDS)


@pytest.mark.parametrize("target", MAKE_TARGETS)
def test_each_make_target_is_there(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself(command: str) -> None:
    environ = {**os.environ, "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, "-m", "ments", *command.split(), "--help"],
        env=environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"ments {command}" in done.stdout


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_each_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
