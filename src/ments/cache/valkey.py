"""Valkey (or Redis): the process's connections, with short timeouts, since nothing in it is the truth."""

from __future__ import annotations

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as ConnectionLost

from ments.cache.multiplexed import Multiplexed
from ments.cache.wire import Address
from ments.errors import Unavailable

_CONNECT_TIMEOUT_S = 1.0
_ANSWER_TIMEOUT_S = 2.0
_POOL_SIZE = 50


class Valkey:
    """The process's connections to Valkey. `client` is redis-py's own (bytes in, bytes out); `quick` is for hot paths, where
    a command costs a sixth of that.

    `client` tries a lost connection once more at once, `quick` does not; then redis.exceptions.ConnectionError or TimeoutError is
    raised, and whoever asked goes on without: what lies here can be built again.
    """

    def __init__(self, url: str) -> None:
        self.address = Address.of(url)
        self.quick = Multiplexed(url)
        self.client: Redis = Redis.from_url(
            url,
            socket_connect_timeout=_CONNECT_TIMEOUT_S,
            socket_timeout=_ANSWER_TIMEOUT_S,
            socket_keepalive=True,
            # An idle connection that the server dropped is noticed before a command meets it.
            health_check_interval=30,
            max_connections=_POOL_SIZE,
            retry=Retry(ExponentialBackoff(cap=0.1, base=0.02), 1, supported_errors=(ConnectionLost,)),
        )

    async def ping(self) -> None:
        """Raise Unavailable when Valkey does not answer."""
        try:
            await self.client.ping()
        except Exception as error:
            raise Unavailable("Valkey does not answer.") from error

    async def close(self) -> None:
        """Close every connection."""
        await self.quick.close()
        await self.client.aclose()
