"""nginx: the edge. Its configuration comes from `ments.edge`; here is how it is started."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path

from ments import web
from ments.edge import EdgeConfig, render_nginx
from ments.stack.account import Account, own_folder
from ments.stack.home import write_whole
from ments.stack.model import Command
from ments.stack.recipes.postgres import tool_env

STATIC_ROOT = Path(web.__file__).parent / "static" / "dist"


def command(program: Path, run: Path) -> Command:
    """`daemon off` stands in the configuration. Pure."""
    return Command((str(program), "-p", f"{run}/", "-c", f"{run}/nginx.conf"), run, tool_env())


def worker_user(account: Account | None) -> str:
    """Whom nginx's workers run as when its master is root: the unprivileged account, if it can reach the files.

    '' for an ordinary user, whose workers cannot be anybody else.
    """
    if account is None:
        return ""
    if account.capability:  # it could not reach a checkout under /root, and nginx takes no capabilities along
        return "root root"
    return f"{pwd.getpwuid(account.uid).pw_name} {grp.getgrgid(account.gid).gr_name}"


def local_address(bind: str, port: int) -> str:
    """The edge's origin as this machine reaches it. Pure."""
    host = "127.0.0.1" if bind == "0.0.0.0" else "[::1]" if bind == "::" else f"[{bind}]" if ":" in bind else bind  # noqa: S104 (compared, not listened on)
    return f"http://{host}:{port}"


async def prepare_edge(config: EdgeConfig, run: Path, account: Account | None) -> None:
    """Write every file of the configuration, and the folders that nginx's workers write to."""
    own_folder(run, None, mode=0o711)  # the workers pass through, and cannot look around
    workers = None if account and account.capability else account
    for folder in (config.cache_dir, config.temp_dir):
        own_folder(folder, workers)
    for name, text in render_nginx(config).items():
        write_whole(run / name, text, mode=0o600)
    os.close(os.open(config.access_log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644))
