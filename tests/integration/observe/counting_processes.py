"""Two forked processes that count together, as the API's do: `python counting_processes.py FOLDER PORT`.

Each answers one request through `Observed` and stays within a second one. A line on stdin kills the first with -9.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import sys
from pathlib import Path
from typing import Any

from ments.observe import Observed, serve_metrics, share_between_processes


async def _app(scope: Any, receive: Any, send: Any) -> None:
    scope["path_template"] = "/x/{id}"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x"})
    if scope["path"] == "/x/stay":
        scope["state"].set()
        await asyncio.sleep(600)


async def _answer(ready: Any) -> None:
    async def send(message: Any) -> None: ...

    app = Observed(_app)
    await app({"type": "http", "method": "GET", "path": "/x/1", "headers": []}, None, send)
    await app({"type": "http", "method": "GET", "path": "/x/stay", "headers": [], "state": ready}, None, send)


def _child(ready: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    asyncio.run(_answer(ready))


def main(folder: str, port: str) -> None:
    share_between_processes(Path(folder))
    stop = serve_metrics(int(port))
    fork = multiprocessing.get_context("fork")
    events = [fork.Event() for _ in range(2)]
    children = [fork.Process(target=_child, args=(event,)) for event in events]
    for child in children:
        child.start()
    for event in events:
        event.wait(30)
    print("ready", flush=True)
    sys.stdin.readline()
    children[0].kill()
    children[0].join()
    print("killed", flush=True)
    sys.stdin.readline()
    children[1].kill()
    children[1].join()
    stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
