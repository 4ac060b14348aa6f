"""The command `ments`. Imports are inside the commands, so that each starts as quickly as it can.

Settings are read here, once a process, and passed down.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console

from ments import __version__
from ments.cli_accounts import accounts_app, tokens_app
from ments.cli_options import AsJson, HomePath, fail, settings_of
from ments.errors import MentsError

_DEFAULT_PORT = 8080
_DEFAULT_HOME = Path(".ments")

app = App(name="ments", help="A self-hosted, media-first community platform.", version=__version__)
app.command(accounts_app)
app.command(tokens_app)


@app.command
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


@app.command
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


@app.command
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


@app.command
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


@app.command
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


@app.command
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


@app.command
def migrate() -> None:
    """Bring the database to the newest schema; running it again does nothing."""
    from ments.db.migrate import run_migrations

    run_migrations(settings_of().database_direct_url)


@app.command
def api() -> None:
    """Serve the API, in MENTS_API_WORKERS processes, until it is told to stop."""
    from ments.app import run_api

    run_api(settings_of())


@app.command
def worker(*, queues: str = "media,default") -> None:
    """Run jobs until told to stop; the jobs at hand are finished or handed back first.

    Parameters
    ----------
    queues
        Which queues, separated by commas.
    """
    from ments.app import run_worker

    run_worker(settings_of(), tuple(queue.strip() for queue in queues.split(",") if queue.strip()))


@app.command
def relay() -> None:
    """Enqueue what the outbox still holds, and run the periodic work, until told to stop."""
    from ments.app import run_relay

    run_relay(settings_of())


jobs_app = App(name="jobs", help="Look at the jobs of a deployment.")
app.command(jobs_app)


@jobs_app.command(name="stats")
def jobs_stats(*, home: HomePath | None = None, as_json: AsJson = False) -> None:
    """Count the jobs by queue and state, the workers, and what the outbox still holds.

    Parameters
    ----------
    home
        The home that was given to `ments up`.
    as_json
        Print {queues: {NAME: {STATE: jobs, workers}}, outbox: {unsent, oldest_s}}.
    """
    from ments.jobs.stats import read_stats, stats_lines

    found = read_stats(settings_of(home))
    print(json.dumps(found, indent=1) if as_json else "\n".join(stats_lines(found)))


def main() -> None:
    """Run the command that was asked for; an error is one line on stderr, with the cause and the fix."""
    try:
        app(exit_on_error=False, print_error=False)
    except CycloptsError as error:
        fail(f"{error} (`ments --help` shows how)")
    except MentsError as error:
        fail(error.safe)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(141) from None
