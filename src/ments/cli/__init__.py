"""The command `ments`. Imports are inside the commands, so that each starts as quickly as it can.

Settings are read here, once a process, and passed down.
"""

from __future__ import annotations

import os
import sys

from cyclopts import App, CycloptsError

from ments import __version__
from ments.cli import processes, stack
from ments.cli.accounts import accounts_app, tokens_app
from ments.cli.jobs import jobs_app
from ments.cli.options import fail
from ments.cli.smoke import smoke
from ments.errors import MentsError

app = App(name="ments", help="A self-hosted, media-first community platform.", version=__version__)
for commands in (*stack.COMMANDS, *processes.COMMANDS, accounts_app, tokens_app, jobs_app, smoke):
    app.command(commands)


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
