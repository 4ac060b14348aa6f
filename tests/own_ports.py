"""Ports of servers that a test starts by itself."""

from __future__ import annotations

import random
from collections.abc import Iterable

from ments.stack.ports import is_free

# Below those of whole stacks, which another process of the run may be starting: its parts listen some seconds after they are given
# their ports.
_FIRST, _LAST = 12_000, 20_000


def own_ports(names: Iterable[str]) -> dict[str, int]:
    """Give each name a free port of its own."""
    row = (port for port in random.sample(range(_FIRST, _LAST), 500) if is_free(port))
    return {name: next(row) for name in names}
