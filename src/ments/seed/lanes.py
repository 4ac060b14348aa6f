"""Lines of work side by side, each over a connection of its own: while one computes rows or sorts, the server copies for another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from threading import Event
from typing import Any

import psycopg

from ments.seed.copying import Progress

Lane = Callable[[Any, Progress], None]
"""Works over the connection, and tells how far it is: a telling is where it may be stopped."""


class _Stopped(Exception):
    """Another lane has failed."""


def connect(database_direct_url: str) -> psycopg.Connection[Any]:
    """Connect for work that takes as long as it takes: vacuums, deletes and indexes outlast what the role may have as its limit."""
    connection = psycopg.connect(database_direct_url, autocommit=True)
    connection.execute("set statement_timeout = 0")
    # Else the server goes on with a long statement of one that was killed, and lets go of its locks only then.
    connection.execute("set client_connection_check_interval = '1s'")
    return connection


def run_lanes(database_direct_url: str, lanes: Sequence[Lane], on_progress: Progress) -> None:
    """Run all to the end, or none: when one fails, or the caller is interrupted, the statements of the others are cancelled.

    Raises what the first to fail has raised.
    """
    stop, opened = Event(), list[Any]()

    def tell(what: str, done: int, total: int) -> None:
        if stop.is_set():
            raise _Stopped
        on_progress(what, done, total)

    def run(lane: Lane) -> None:
        with connect(database_direct_url) as connection:
            opened.append(connection)
            # Who stopped all before this one was there has not cancelled it.
            if stop.is_set():
                raise _Stopped
            lane(connection, tell)

    with ThreadPoolExecutor(len(lanes)) as threads:
        running: list[Future[None]] = [threads.submit(run, lane) for lane in lanes]
        try:
            ended, _ = wait(running, return_when=FIRST_EXCEPTION)
            failed = [one for one in ended if one.exception()]
        except BaseException:
            _stop(stop, opened)
            raise
        if failed:
            _stop(stop, opened)
            failed[0].result()


def _stop(stop: Event, opened: list[Any]) -> None:
    stop.set()
    for connection in opened:
        connection.cancel_safe()
