"""Pools of Postgres connections, as two types: what may be written to, and what may only be read.

PgBouncer pools by transaction, so nothing here lives longer than one: no prepared statements, no
LISTEN, no session locks, no SET outside a transaction.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import TracebackType

import structlog
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from ments.observe import report_error, span
from ments.observe.sample import watch_pool

log = structlog.get_logger()
AfterCommit = Callable[[], Awaitable[None]]
_CONNECT_TIMEOUT_S = 5
# A server that vanished without a word is noticed after 25 s, also by whoever waits for its answer. Otherwise the kernel
# would take a quarter of an hour, and all that comes through one batch or one heartbeat would stand still with it.
_VANISHED = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000}
_POOL_TIMEOUT_S = 10.0
# A connection that was used this recently is not asked whether it lives: a query for each query costs a third of both.
_FRESH_S = 2.0


class _Connection(AsyncConnection[DictRow]):
    """Knows when it was last given back."""

    used_at = 0.0


async def _check(connection: _Connection) -> None:
    """Raise psycopg.Error when the connection is dead; the pool then replaces it before a query meets it."""
    if time.monotonic() - connection.used_at > _FRESH_S:
        await AsyncConnectionPool.check_connection(connection)
        return
    # No round trip: reads what lies in the socket, and fails when the server has hung up.
    connection.pgconn.consume_input()


class Session:
    """A connection that may read."""

    def __init__(self, connection: AsyncConnection[DictRow]) -> None:
        self.connection = connection


class Transaction(Session):
    """A session on the primary that may write; it commits as one, or not at all."""

    def __init__(self, connection: AsyncConnection[DictRow]) -> None:
        super().__init__(connection)
        self._after_commit: list[AfterCommit] = []

    def after_commit(self, callback: AfterCommit) -> None:
        """Run `callback` once the commit is durable; never when the transaction is rolled back.

        For what only makes things quicker (enqueue at once, purge a cache): an error in it is logged,
        not raised, since the commit has been made.
        """
        self._after_commit.append(callback)

    async def _run_after_commit(self) -> None:
        for callback in self._after_commit:
            try:
                await callback()
            except Exception as error:
                # The commit stands, so the caller must not hear of a failure; the relay and expiry make up for what was left.
                # Operators do hear of it: nothing of this kind should fail.
                name = getattr(callback, "__qualname__", repr(callback))
                log.exception("after_commit_failed", callback=name)
                report_error(error, callback=name)


class Pool:
    """Connections to one database."""

    def __init__(self, url: str, *, size: int, name: str) -> None:
        self.name = name
        self._url = url
        self._pool: AsyncConnectionPool[_Connection] = AsyncConnectionPool(
            url,
            connection_class=_Connection,
            # PgBouncer before 1.21 knows no prepared statements.
            kwargs={
                "row_factory": dict_row,
                "prepare_threshold": None,
                "autocommit": True,
                "connect_timeout": _CONNECT_TIMEOUT_S,
                **_VANISHED,
            },
            min_size=1,
            max_size=size,
            max_waiting=size * 50,
            timeout=_POOL_TIMEOUT_S,
            check=_check,
            open=False,
            name=name,
        )

    async def open(self) -> None:
        await self._pool.open()
        watch_pool(self.name, self._pool.get_stats)

    async def close(self) -> None:
        await self._pool.close()

    async def reach(self) -> None:
        """Connect once, beside the pool, whose users wait for ten seconds for a server that refuses. Raises psycopg.Error."""
        connection = await _Connection.connect(self._url, connect_timeout=_CONNECT_TIMEOUT_S)
        await connection.close()

    async def ping(self) -> None:
        """Run `select 1`; raises when the server does not answer."""
        async with self._pool.connection() as connection:
            await connection.execute("select 1")

    def connection(self, *, timeout_s: float | None = None) -> Borrowed:
        """Take a connection for a while, waiting for one at most so long (None: the pool's own patience)."""
        return Borrowed(self._pool, timeout_s)


class Borrowed:
    """A connection of a pool for the length of a block, as its own `connection()` gives it.

    Made for each read: as a class, and without a commit where nothing is open, it takes half as long.
    """

    __slots__ = ("_connection", "_pool", "_timeout_s")

    def __init__(self, pool: AsyncConnectionPool[_Connection], timeout_s: float | None = None) -> None:
        self._pool, self._timeout_s = pool, timeout_s

    async def __aenter__(self) -> AsyncConnection[DictRow]:
        self._connection = await self._pool.getconn(self._timeout_s)
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        connection = self._connection
        try:
            if kind is None:
                connection.used_at = time.monotonic()
            if connection.pgconn.transaction_status != TransactionStatus.IDLE:
                await connection.__aexit__(kind, error, traceback)
        finally:
            await self._pool.putconn(connection)


class Reading:
    """A session for the length of a block, over a connection that was borrowed."""

    __slots__ = ("_borrowed",)

    def __init__(self, borrowed: Borrowed) -> None:
        self._borrowed = borrowed

    async def __aenter__(self) -> Session:
        return Session(await self._borrowed.__aenter__())

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._borrowed.__aexit__(kind, error, traceback)


class Primary(Pool):
    """The database that takes writes."""

    def __init__(self, url: str, *, size: int = 10) -> None:
        super().__init__(url, size=size, name="primary")

    def session(self) -> Reading:
        """Read what was just written. Each statement is a transaction of its own."""
        return Reading(self.connection())

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Write: commits when the block ends, rolls back when it raises, then runs what waits for the commit."""
        async with self.connection() as connection:
            tx = Transaction(connection)
            with span("transaction"):
                async with connection.transaction():
                    yield tx
        await tx._run_after_commit()
