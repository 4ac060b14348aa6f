"""Names say what a thing is, and a file stays about one noun."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
EMPTY_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|misc|managers?|services?|handlers?|processors?)(_|$)")
LONGEST_FILE_LINES = 300


def source_files() -> list[Path]:
    kinds = {".py", ".ts", ".js", ".css", ".sql", ".html"}
    return [
        path
        for path in (ROOT / "src").rglob("*")
        if path.suffix in kinds and "dist" not in path.parts and "migrations" not in path.parts
    ]


def test_no_empty_names() -> None:
    assert [path for path in source_files() if EMPTY_NAMES.search(path.stem)] == []


def test_files_stay_short() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in source_files()}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE_LINES} == {}
