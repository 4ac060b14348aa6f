"""Connections to Valkey for the queues: a short-tempered one to add jobs, a patient one to wait for them."""

from __future__ import annotations

import socket
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff, NoBackoff
from redis.exceptions import BusyLoadingError
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import TimeoutError as AnswerTimeout

_LOST = (ConnectionLost, BusyLoadingError, AnswerTimeout)
# A peer that vanished without a word is noticed by the kernel after 10 + 3 * 5 s. While something that was sent is not
# acknowledged it does not ask, and would go on sending for a quarter of an hour: the last option (ms) ends that as well.
_KEEPALIVE: dict[int, int] = {
    socket.TCP_KEEPIDLE: 10,
    socket.TCP_KEEPINTVL: 5,
    socket.TCP_KEEPCNT: 3,
    socket.TCP_USER_TIMEOUT: 25_000,
}


def connect_producer(redis_url: str) -> Redis:
    """Connect for adding jobs: gives up within a second, since the relay comes behind."""
    return Redis.from_url(
        redis_url,
        decode_responses=True,
        socket_connect_timeout=0.5,
        socket_timeout=1.0,
        socket_keepalive=True,
        health_check_interval=30,
        # A connection that died while idle is replaced once; nothing is waited for.
        retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionLost,)),
        max_connections=20,
    )


def connect_worker(redis_url: str) -> Redis:
    """Connect for a worker: waits for jobs without a timeout and comes back after the server does.

    redis-py's default timeout of 5 s equals the queue's blocking wait, which makes an idle worker deaf for
    seconds: no timeout on the socket. The kernel's keep-alive finds a dead peer instead.
    """
    options: dict[str, Any] = {"socket_keepalive_options": _KEEPALIVE}
    return Redis.from_url(
        redis_url,
        decode_responses=True,
        socket_connect_timeout=2.0,
        socket_timeout=None,
        socket_keepalive=True,
        # Ten tries within about seven seconds; then the library waits and asks again.
        retry=Retry(ExponentialBackoff(cap=1.0, base=0.05), 10, supported_errors=_LOST),
        **options,
    )
