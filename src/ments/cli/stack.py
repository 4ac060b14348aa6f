"""The local stack: `ments up`, `down`, `status`, `logs`, `env`, `psql`."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from ments.cli.options import AsJson, HomePath, fail, settings_of

_DEFAULT_PORT = 8080
_DEFAULT_HOME = Path(".ments")


def up(
    *,
    home: HomePath = _DEFAULT_HOME,
    port: Annotated[int, Parameter(env_var="MENTS_PORT")] = _DEFAULT_PORT,
    replicas: int = 1,
    workers: int = 1,
    pooler: bool = True,
    detach: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Start every part of the stack on this machine, and stop it all on Ctrl-C.

    A part whose URL is set (DATABASE_URL, REDIS_URL, S3_ENDPOINT_URL) is not started here.

    Parameters
    ----------
    home
        Folder for data, logs and generated secrets.
    port
        The edge's port, the only fixed one.
    replicas
        Streaming read replicas, 0 to 4.
    workers
        Worker processes for each queue, 1 to 16.
    pooler
        PgBouncer before Postgres.
    detach
        Return once the stack is ready; `ments down` stops it.
    """
    from ments.stack.plan import Options, home_at
    from ments.stack.up import run_stack

    if not (0 <= replicas <= 4 and 1 <= workers <= 16 and 0 < port < 65536):
        fail("--replicas goes from 0 to 4, --workers from 1 to 16, --port from 1 to 65535.")
    if detach:
        from ments.stack.detached import start_detached

        words = ["--home", str(home), "--port", str(port), "--replicas", str(replicas), "--workers", str(workers)]
        for line in start_detached(home_at(home), [*words, "--pooler" if pooler else "--no-pooler"], os.environ):
            print(line, flush=True)
        return
    bind = os.environ.get("MENTS_BIND") or "127.0.0.1"
    run_stack(Options(home_at(home), port, bind, replicas, workers, pooler), os.environ, Console())


def down(*, home: HomePath = _DEFAULT_HOME) -> None:
    """Stop the stack of a home, and wait for the end.

    Parameters
    ----------
    home
        The home that was given to `ments up`.
    """
    from ments.stack.plan import home_at
    from ments.stack.shown import stop_stack

    print("stopped" if stop_stack(home_at(home)) else f"nothing runs in {home_at(home).root}")


def status(*, home: HomePath = _DEFAULT_HOME, as_json: AsJson = False) -> None:
    """Show what runs in a home; the exit status is 0 only when everything is ready.

    Parameters
    ----------
    home
        The home that was given to `ments up`.
    as_json
        Print {ready, url, parts: {NAME: {state, pid, url}}}.
    """
    from ments.stack import shown
    from ments.stack.plan import home_at

    found = shown.status(home_at(home))
    if as_json:
        print(json.dumps(found, indent=1))
    else:
        print("\n".join(shown.status_lines(found)))
    if not found["ready"]:
        raise SystemExit(1)


def logs(
    part: str | None = None,
    /,
    *,
    home: HomePath = _DEFAULT_HOME,
    follow: Annotated[bool, Parameter(name=["--follow", "-f"], negative=())] = False,
) -> None:
    """Print the last lines of a part's log, or of all.

    Parameters
    ----------
    part
        A part of `ments status`: edge, api, postgres, worker, ...
    home
        The home that was given to `ments up`.
    follow
        Go on with what is written from now on, until Ctrl-C.
    """
    from ments.stack.plan import home_at
    from ments.stack.shown import log_lines

    for line in log_lines(home_at(home), part, follow=follow):
        print(line, flush=follow)


def env(*, home: HomePath = _DEFAULT_HOME) -> None:
    """Print the settings of the running stack as NAME=value lines, secrets included; for the home's owner only.

    Parameters
    ----------
    home
        The home that was given to `ments up`.
    """
    from ments.stack.plan import home_at
    from ments.stack.shown import running_env

    print(running_env(home_at(home)), end="")


def psql(*words: Annotated[str, Parameter(allow_leading_hyphen=True)], home: HomePath = _DEFAULT_HOME) -> None:
    """Open psql on the running database, without the pooler.

    Parameters
    ----------
    words
        Passed to psql, for example `-c "select 1"`.
    home
        The home that was given to `ments up`.
    """
    from ments.stack.programs import find_programs

    program = find_programs(os.environ).postgres / "psql"
    url = settings_of(home).database_direct_url
    os.execv(program, [str(program), url, *words])  # noqa: S606 (a full path and a list of arguments, no shell)


COMMANDS = (up, down, status, logs, env, psql)
