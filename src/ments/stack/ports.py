"""Ports of the parts: chosen once, kept while they are free, all on loopback but the edge's."""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Callable, Iterable, Mapping

from ments.stack.model import StackError

# Below the range from which the kernel takes ports for outgoing connections (32768 and up).
_FIRST, _LAST = 20_000, 32_000
_LOOKED_AT = 500


def is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Tell whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def choose_ports(
    names: Iterable[str], kept: Mapping[str, int], free: Callable[[int], bool] = is_free
) -> dict[str, int]:
    """Give each name a port of its own: the kept one if it is still free, else another free one.

    New ones stand beside each other from a place that is drawn: two stacks that start at once, neither of which listens yet,
    seldom meet; with each port drawn by itself one of eighteen starts failed, three at once.
    """
    n_ports = _LAST - _FIRST
    drawn = random.randrange(n_ports)  # noqa: S311 (spreading, no secret)
    row = (_FIRST + (drawn + step) % n_ports for step in range(_LOOKED_AT))
    chosen: dict[str, int] = {}
    taken = set(kept.values())
    for name in names:
        if name in kept and free(kept[name]):
            chosen[name] = kept[name]
            continue
        port = next((port for port in row if port not in taken and free(port)), None)
        if port is None:
            raise StackError(
                f"No free port between {_FIRST} and {_LAST} on 127.0.0.1: end some programs, and try again."
            )
        chosen[name] = port
    return chosen


def check_edge_port(bind: str, port: int) -> None:
    """Make sure that the edge can listen.

    Raises StackError, naming the port, when something else does or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as cause:
            if cause.errno == errno.EADDRINUSE:
                raise StackError(
                    f"Port {port} is used by another program: end it, or choose another with --port (or MENTS_PORT)."
                ) from cause
            raise StackError(
                f"The edge cannot listen on {bind}:{port} ({cause.strerror}): see --port and MENTS_BIND."
            ) from cause
