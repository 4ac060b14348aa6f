"""The API's server: several processes of uvicorn on one port, with a protocol of our own, replaced when they die."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import socket
import threading
import time
from typing import Any, cast

import structlog
from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.supervisors import Multiprocess

from ments.cache.shared_memory import SharedMemory
from ments.web.bounded import CONNECTIONS_MAX
from ments.web.protocol import Ready, ReadyFirst

log = structlog.get_logger()

_BACKLOG = 1024
_STOP_S = 10
# Of connections that rest; longer than the edge keeps them (30 s), as in `bounded`.
_KEEP_ALIVE_S = 45
# A process that says nothing for so long is replaced. On a busy machine one that begins takes some seconds to its first word.
_SILENT_S = 20
# Beside its connections a process has those to the other parts, and files.
_FILES_BESIDE = 1024


class _Config(Config):
    # What the processes of a server share; one alone has nobody to share with.
    shared: SharedMemory | None = None

    def load(self) -> None:
        # The first that a process does for itself.
        _end_with_the_parent()
        super().load()
        if self.shared is not None:
            try:
                shared = self.shared.attach()
            except OSError as error:
                log.warning("process_shares_nothing", error=repr(error))
            else:
                cast("Ready", self.loaded_app).share(shared)


class _Supervisor(Multiprocess):
    def keep_subprocess_alive(self) -> None:
        for process in self.processes:
            # With this end in its hands alone, its death ends the wait for its word.
            process.child_conn.close()
        super().keep_subprocess_alive()


def configure(factory: str, **more: Any) -> _Config:
    """What every process is told. `factory`: `module:function` that makes the application, in the process itself."""
    return _Config(
        factory,
        factory=True,
        http=ReadyFirst,
        loop="uvloop",
        ws="none",
        interface="asgi3",
        lifespan="on",
        # One log, one idea of who asks: `observe` and `web.asked`.
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_STOP_S,
        timeout_worker_healthcheck=_SILENT_S,
        **more,
    )


def serve(factory: str, *, host: str, port: int, processes: int, at_work_max: int) -> None:
    """Serve until SIGTERM or SIGINT.

    at_work_max  requests that a process works on at once; who comes meanwhile gets a 503
    Raises OSError, which names the address, when it is taken, and SystemExit when an application does not start.
    """
    _allow_connections()
    config = configure(factory, host=host, port=port, workers=processes, limit_concurrency=at_work_max)
    if processes > 1:
        try:
            config.shared = SharedMemory(processes)
        except OSError as error:
            log.warning("processes_share_nothing", error=repr(error))
    with _bind(host, port) as listening:
        supervisor = _Supervisor(config, sockets=[listening])
        supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        raise SystemExit(STARTUP_FAILURE)


def _bind(host: str, port: int) -> socket.socket:
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise OSError(error.errno, f"{error.strerror}: {host}:{port}") from None
    return listening


def _allow_connections() -> None:
    """Let each process hold as many connections as it takes: what a system allows before it is asked is often 1,024 files."""
    wanted = CONNECTIONS_MAX + _FILES_BESIDE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _end_with_the_parent() -> None:
    """Have this process stop as if it was told to when the one that started it is gone: nobody else would end it.

    Does nothing in a process that was not started so.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_wait_for_end, args=(parent,), name="parent", daemon=True).start()


def _wait_for_end(parent: Any) -> None:
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    # One that is stuck does not hear it.
    time.sleep(_STOP_S + 5)
    os._exit(1)
