"""A command whose part does not answer says so in one line, with the setting to look at."""

from __future__ import annotations

from pathlib import Path

import pytest

from running_stack import clean_environ, ments

NOBODY = {
    "SECRET_KEY": "k" * 40,
    "MEDIA_SIGNING_KEYS": "m" * 40,
    "DATABASE_URL": "postgresql://ments@127.0.0.1:1/ments",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "S3_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_ACCESS_KEY_ID": "a",
    "AWS_SECRET_ACCESS_KEY": "b",
}


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["migrate"], "DATABASE_DIRECT_URL"),
        (["tokens", "create", "ada"], "DATABASE_URL"),
        (["jobs", "stats"], "_URL"),
        (["smoke", "--url", "http://127.0.0.1:1"], "127.0.0.1:1"),
        (["smoke", "--url", "nonsense"], "--url"),
        (["status"], "not running"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_one_line_names_the_cause(words: list[str], names: str, tmp_path: Path) -> None:
    done = ments(*words, environ=clean_environ(MENTS_HOME=str(tmp_path), **NOBODY))
    assert done.returncode == 1
    said = done.stderr or done.stdout
    assert "Traceback" not in said
    assert names in said
    if done.stderr:
        assert len(done.stderr.splitlines()) == 1
