"""The edge as a process of a deployment: the same nginx as `ments up` starts, before an API elsewhere."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import NoReturn

from ments.settings import Settings
from ments.stack.programs import check_programs, find_programs
from ments.stack.recipes import nginx


def run_edge(settings: Settings) -> NoReturn:
    """Write nginx's configuration under the home and become nginx, which logs to this process' output.

    Raises StackError when nginx is missing.
    """
    programs = find_programs(os.environ)
    check_programs(programs, {"edge": True}, Path(settings.bwrap_bin))
    run = settings.home / "run" / "edge"
    # Root is nobody to drop to in a container: the image runs as an account of its own.
    user = "root root" if os.geteuid() == 0 else ""
    config = nginx.edge_config(
        settings,
        run,
        error_log=Path("/dev/stderr"),
        access_log=Path("/dev/stdout"),
        user=user,
        # It goes with the container.
        pages_dir=nginx.pages_folder(run),
    )
    asyncio.run(nginx.prepare_edge(config, run, None))
    command = nginx.command(programs.edge, run)
    os.execve(command.argv[0], command.argv, dict(command.env))  # noqa: S606 (a full path and a list of arguments, no shell)
