"""`ments up`: checks what can be checked at once, then hands over to the supervisor until the end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.console import Console

from ments.settings import read_settings
from ments.stack.account import choose_account
from ments.stack.assemble import assemble
from ments.stack.home import Home, env_text, told_plainly, write_whole
from ments.stack.leftovers import end_leftovers, read_state, start_ticks
from ments.stack.model import StackError
from ments.stack.plan import Options, absent_parts, app_environ, choose_places, port_names, run_env
from ments.stack.ports import check_edge_port, choose_ports, is_free
from ments.stack.programs import check_programs, find_programs
from ments.stack.recipes.nginx import STATIC_ROOT
from ments.stack.state import State
from ments.stack.supervisor import Supervisor
from ments.stack.surroundings import Surroundings


def run_stack(options: Options, environ: Mapping[str, str], console: Console) -> None:
    """Start the stack and stay until it is told to stop.

    Raises StackError: the home is in use or cannot be used, a port is taken, a program is missing, a part does not start.
    """
    home = options.home
    home.lay_out()
    lock = home.lock()
    if lock is None:
        raise StackError(already_running(home))
    try:
        around = _look_around(options, environ, console)
        state = State(
            home.state_file,
            {"pid": os.getpid(), "start": start_ticks(os.getpid())},
            around.env["PUBLIC_URL"],
            absent_parts(options, around.places, environ),
        )
        supervisor = Supervisor(
            home, assemble(around, read_settings(around.env)), state, around.account, _teller(console)
        )
        with told_plainly(home.root):
            write_whole(home.env_file, env_text(around.env), mode=0o600)
            state.write()
        with _guard(home, state):
            asyncio.run(supervisor.run(lambda: _announce(around, console)))
    finally:
        os.close(lock)


def already_running(home: Home) -> str:
    state = read_state(home.state_file)
    where = f" at {state['url']}" if state else ""
    return f"The stack of {home.root} is running already{where}: `ments status` shows it, `ments down` stops it."


def _look_around(options: Options, environ: Mapping[str, str], console: Console) -> Surroundings:
    home, places = options.home, choose_places(options, environ)
    programs = find_programs(environ)
    wanted = {
        "postgres": places.database,
        "pgbouncer": places.pooler,
        "valkey": places.valkey,
        "storage": places.storage,
        "edge": True,
        "worker": True,
    }
    check_programs(programs, wanted, Path(environ.get("MENTS_BWRAP_BIN") or "/usr/bin/bwrap"))
    if (state := read_state(home.state_file)) and (left := end_leftovers(state)):
        console.print(f"ended what an earlier run had left: {', '.join(left)}")
    check_edge_port(options.bind, options.port)
    secrets = home.secrets()
    # Where the edge will listen nothing does yet.
    ports = choose_ports(port_names(options), home.kept_ports(), lambda port: port != options.port and is_free(port))
    with told_plainly(home.root):
        home.keep_ports(home.kept_ports() | ports)
    return Surroundings(
        home=home,
        options=options,
        places=places,
        programs=programs,
        ports=ports,
        secrets=secrets,
        env=run_env(options, places, ports, secrets, environ),
        account=choose_account(home.root, [programs.postgres / "postgres", programs.pgbouncer, STATIC_ROOT, home.run]),
    )


def _guard(home: Home, state: State) -> subprocess.Popen[bytes]:
    """The process that ends the parts should we be killed: it notices by the end of the pipe that we hold."""
    return subprocess.Popen(
        [
            sys.executable,
            *("-m", "ments.stack.guard", str(home.state_file)),
            *(str(state.supervisor["pid"]), str(state.supervisor["start"])),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _teller(console: Console) -> Callable[[str, float], None]:
    def tell(name: str, seconds: float) -> None:
        console.print(f"  [green]✓[/] {name:<18} {seconds:5.1f} s", highlight=False)

    return tell


async def _announce(around: Surroundings, console: Console) -> None:
    console.print(f"ready: {around.env['PUBLIC_URL']}", highlight=False, soft_wrap=True)
    # A process of its own: the supervisor stays small.
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ments", "accounts", "link"),
        env=app_environ(around.env, 0),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        link, error = await child.communicate()
    except asyncio.CancelledError:
        child.kill()
        raise
    if child.returncode == 0:
        text = f"sign in as operator (once, within the hour): {link.decode().strip()}"
    else:
        text = f"no link for the operator: {error.decode().strip()[-300:]} (`ments accounts link` makes one)"
    console.print(text, highlight=False, soft_wrap=True)
