"""Lock files pin by hash and carry no address."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON_LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
NODE_LOCKS = [
    ROOT / folder / "package-lock.json"
    for folder in (".", "bench/peers/feed", "bench/peers/jobs", "tests/integration/jobs/node")
]


@pytest.mark.parametrize("lock", [*PYTHON_LOCKS, *NODE_LOCKS], ids=lambda path: f"{path.parent.name}-{path.name}")
def test_no_address(lock: Path) -> None:
    assert not re.search(r"\bresolved\b|--index-url|--find-links|://[^\s\"]+\.(whl|tgz|tar\.gz)", lock.read_text())


@pytest.mark.parametrize("lock", PYTHON_LOCKS, ids=lambda path: path.name)
def test_every_requirement_is_pinned_with_a_hash(lock: Path) -> None:
    lines = [line for line in lock.read_text().splitlines() if not line.lstrip().startswith("#")]
    requirements = re.split(r"\n(?=\S)", "\n".join(lines).strip())
    unpinned = [entry.splitlines()[0] for entry in requirements if "==" not in entry or "--hash=sha256:" not in entry]
    assert unpinned == []


@pytest.mark.parametrize("lock", NODE_LOCKS, ids=lambda path: path.parent.name)
def test_every_node_package_has_its_integrity(lock: Path) -> None:
    packages = json.loads(lock.read_text())["packages"]
    assert [name for name, entry in packages.items() if name and not entry.get("integrity")] == []
