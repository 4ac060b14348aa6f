"""The API's server: several processes of uvicorn on one port, with a protocol of our own, replaced when they die."""

from __future__ import annotations

from typing import Any

from uvicorn.config import Config
from uvicorn.supervisors import Multiprocess

from ments.web.protocol import ReadyFirst

_BACKLOG = 1024
_STOP_S = 10
# Of connections that rest; longer than the edge keeps them (30 s), as in `protocol`.
_KEEP_ALIVE_S = 45


def configure(factory: str, **more: Any) -> Config:
    """What every process is told. `factory`: `module:function` that makes the application, in the process itself."""
    return Config(
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
        **more,
    )


def serve(factory: str, *, host: str, port: int, processes: int, at_work_max: int) -> None:
    """Serve until SIGTERM or SIGINT.

    at_work_max  requests that a process works on at once; who comes meanwhile gets a 503
    Raises SystemExit when the port is taken.
    """
    config = configure(factory, host=host, port=port, workers=processes, limit_concurrency=at_work_max)
    Multiprocess(config, sockets=[config.bind_socket()]).run()
