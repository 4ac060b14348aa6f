"""Every migration says whether it runs before a deploy (expand) or after it (contract), and is one line."""

import re
from pathlib import Path

VERSIONS = Path(__file__).parents[2] / "src/ments/db/migrations/versions"


def test_each_step_names_its_phase_and_has_its_sql() -> None:
    steps = sorted(VERSIONS.glob("[0-9]*.py"))
    assert steps
    for step in steps:
        assert re.search(r"^phase: (expand|contract)\b", step.read_text(), re.MULTILINE), step.name
        assert step.with_suffix(".sql").is_file(), step.name


def test_steps_form_one_line() -> None:
    texts = [step.read_text() for step in sorted(VERSIONS.glob("[0-9]*.py"))]
    revisions = [re.search(r'^revision = "(\w+)"', text, re.MULTILINE)[1] for text in texts]  # type: ignore[index]
    parents = [
        match[1] if (match := re.search(r'^down_revision = "(\w+)"', text, re.MULTILINE)) else None for text in texts
    ]
    assert parents == [None, *revisions[:-1]]
