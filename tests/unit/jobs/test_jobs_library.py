"""What of the library is left alone, since it does not do what it says."""

from __future__ import annotations

from pathlib import Path

import ments


def test_its_rate_limiter_is_used_nowhere() -> None:
    """It lets a fifth of the jobs through that it should."""
    sources = Path(ments.__file__).parent.rglob("*.py")
    assert not [path for path in sources if '"limiter"' in path.read_text() or "limiter=" in path.read_text()]
