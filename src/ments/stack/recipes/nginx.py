"""nginx: the edge. Its configuration comes from `ments.edge`; here is how it is started."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import shutil
from dataclasses import replace
from pathlib import Path

from ments import web
from ments.edge import EdgeConfig, allowed_hosts, render_nginx
from ments.settings import MIB, Settings
from ments.stack.account import Account, own_folder
from ments.stack.home import write_whole
from ments.stack.model import Command
from ments.stack.recipes.postgres import tool_env

STATIC_ROOT = Path(web.__file__).parent / "static" / "dist"
_MEMORY = Path("/dev/shm")  # noqa: S108 (what lies there is made by `_make_pages_folder`)
# Twice what nginx keeps of pages, so that it is never the edge that fills the memory of others.
_MEMORY_FREE_MIN = 256 * MIB
_LOGIND, _FIRST_LOGIN_UID = Path("/run/systemd/system"), 1000


def command(program: Path, run: Path) -> Command:
    """`daemon off` stands in the configuration. Pure."""
    return Command((str(program), "-p", f"{run}/", "-c", f"{run}/nginx.conf"), run, tool_env())


def edge_config(
    settings: Settings, run: Path, *, error_log: Path, access_log: Path, user: str, pages_dir: Path | None = None
) -> EdgeConfig:
    """What the edge needs, from the settings of the stack that it stands before.

    run        folder of its own, for its cache, temporary files and pid
    user       see `worker_user`
    pages_dir  see `pages_folder`; whoever gives one takes it away in the end
    """
    return EdgeConfig(
        bind=settings.bind,
        port=settings.port,
        public_url=settings.public_url,
        api_address=settings.api_address,
        storage_url=settings.s3_endpoint_url,
        bucket=settings.s3_bucket,
        region=settings.s3_region,
        s3_access_key=settings.aws_access_key_id,
        s3_secret_key=settings.aws_secret_access_key,
        signing_keys=settings.media_signing_keys,
        edge_secret=settings.secret_for("edge"),
        allowed_hosts=allowed_hosts(settings.public_url, settings.bind),
        static_root=STATIC_ROOT,
        cache_dir=run / "cache",
        temp_dir=run / "temp",
        pid_path=run / "nginx.pid",
        error_log_path=error_log,
        access_log_path=access_log,
        upload_max_bytes=max(settings.upload_video_max_bytes, settings.upload_image_max_bytes),
        user=user,
        pages_dir=pages_dir,
    )


def pages_folder(run: Path, memory: Path = _MEMORY) -> Path | None:
    """Name a folder in memory for the pages of the edge that runs in `run`; None where there is no room. Makes nothing.

    memory  a file system in memory; a container's is as large as its `shm_size`, 64 MiB by default
    """
    if not (memory.is_mount() and os.access(memory, os.W_OK | os.X_OK)):
        return None
    if _LOGIND.exists() and os.geteuid() >= _FIRST_LOGIN_UID:
        # Systemd takes away what people have in memory when they leave (RemoveIPC), whatever they left running.
        return None
    if shutil.disk_usage(memory).free < _MEMORY_FREE_MIN:
        return None
    return memory / f"ments-edge-{os.geteuid()}-{hashlib.sha256(str(run).encode()).hexdigest()[:16]}"


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
    # Each start begins without pages: they are made anew in a moment, and those of before may be of posts that are gone by now.
    shutil.rmtree(config.cache_dir / "pages", ignore_errors=True)
    if config.pages_dir and not _make_pages_folder(config.pages_dir, workers):
        config = replace(config, pages_dir=None)
    for name, text in render_nginx(config).items():
        write_whole(run / name, text, mode=0o600)
    os.close(os.open(config.access_log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644))


def _make_pages_folder(folder: Path, workers: Account | None) -> bool:
    """Make the folder anew, empty; False when somebody else has its name. Anybody may write beside it, so what is there is not used."""
    try:
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
        folder.mkdir(mode=0o700)
    except OSError:
        return False
    own_folder(folder, workers)
    return True
