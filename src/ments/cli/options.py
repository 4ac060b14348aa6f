"""What several commands take, and how one that cannot go on says so."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

from cyclopts import Parameter

HomePath = Annotated[Path, Parameter(name="--home", env_var="MENTS_HOME")]
AsJson = Annotated[bool, Parameter(name="--json", negative=())]


def settings_of(home: Path | None = None) -> Any:
    """Read the settings of a process beside the stack of `home`, or of the environment."""
    from ments.settings import read_settings

    return read_settings({**os.environ, "MENTS_HOME": str(home)} if home else os.environ)


def with_parts(home: Path | None, work: Callable[[Any], Awaitable[Any]]) -> Any:
    """Do one thing with the parts of a deployment open, and return what comes of it."""
    import structlog

    from ments.app import with_parts as with_open_parts

    # stdout is for what the command answers, stderr for the one line that says why it can't.
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    keep_to_one_line()
    return asyncio.run(with_open_parts(settings_of(home), work))


def keep_to_one_line() -> None:
    """Leave a database that is away to the command's own error: the pool would say so on stderr at each try."""
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)


def fail(text: str) -> NoReturn:
    """End with one line on stderr: the cause and the fix."""
    print(f"ments: {' '.join(text.split())}", file=sys.stderr, flush=True)
    raise SystemExit(1)
