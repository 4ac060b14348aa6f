"""`.env.example` lists every setting, with its meaning and its default, and no other."""

from pathlib import Path

from ments.settings import SETTINGS

ROOT = Path(__file__).parents[2]


def test_env_example_is_complete() -> None:
    blocks = (ROOT / ".env.example").read_text().strip().split("\n\n")[1:]
    written = [tuple(block.splitlines()) for block in blocks]
    assert written == [(f"# {setting.meaning}", f"# {setting.name}={setting.default}") for setting in SETTINGS]
