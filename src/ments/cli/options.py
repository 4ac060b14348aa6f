"""What several commands take, and how one that cannot go on says so."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

from cyclopts import Parameter

HomePath = Annotated[Path, Parameter(name="--home", env_var="MENTS_HOME")]
AsJson = Annotated[bool, Parameter(name="--json", negative=())]


def settings_of(home: Path | None = None) -> Any:
    """Read the settings of a process beside the stack of `home`, or of the environment."""
    from ments.settings import read_settings

    return read_settings({**os.environ, "MENTS_HOME": str(home)} if home else os.environ)


def fail(text: str) -> NoReturn:
    """End with one line on stderr: the cause and the fix."""
    print(f"ments: {' '.join(text.split())}", file=sys.stderr, flush=True)
    raise SystemExit(1)
