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
from ments.cli.doctor import doctor
from ments.cli.jobs import jobs_app
from ments.cli.media import media_app
from ments.cli.options import fail
from ments.cli.seed import seed
from ments.cli.smoke import smoke
from ments.errors import MentsError

app = App(name="ments", help="A self-hosted, media-first community platform.", version=__version__)
for commands in (
    *stack.COMMANDS,
    *processes.COMMANDS,
    accounts_app,
    tokens_app,
    jobs_app,
    media_app,
    seed,
    smoke,
    doctor,
):
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
    except OSError as error:
        # The system's own words name the file or the address; a folder or a port of one's own is the usual fix.
        fail(f"{error}. Check that this user may use it, and that nothing else does.")
    except Exception as error:
        if unreachable := _unreachable_part(error):
            fail(unreachable)
        raise


def _unreachable_part(error: Exception) -> str:
    """Say which part does not answer, when that is what went wrong; '' otherwise.

    A library is only asked when a command has loaded it: the others need not wait for its import.
    """
    psycopg, redis = sys.modules.get("psycopg"), sys.modules.get("redis")
    cause = getattr(error, "orig", error)  # alembic's engine wraps the driver's error
    if psycopg and isinstance(cause, psycopg.OperationalError):
        return f"The database does not answer ({cause}): check that it runs, DATABASE_URL and DATABASE_DIRECT_URL."
    if redis and isinstance(cause, redis.RedisError):
        return f"Valkey does not answer ({cause}): check that it runs, and REDIS_URL."
    return ""
