"""Valkey: caches and jobs in one server. Jobs must survive, so nothing is evicted and every write is logged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ments.stack.account import own_folder
from ments.stack.home import write_whole
from ments.stack.model import Command
from ments.stack.recipes.postgres import tool_env


@dataclass(frozen=True, slots=True)
class Valkey:
    program: Path
    data: Path
    run: Path
    port: int
    password: str

    def command(self) -> Command:
        return Command((str(self.program), str(self.run / "valkey.conf")), self.run, tool_env())


def render_conf(valkey: Valkey) -> str:
    """valkey.conf. Pure. The password stands here, not on the command line, which every user can read."""
    return f"""bind 127.0.0.1
port {valkey.port}
requirepass {valkey.password}
dir "{valkey.data}"
daemonize no
databases 64
appendonly yes
appendfsync everysec
save ""
auto-aof-rewrite-min-size 32mb
maxmemory 256mb
maxmemory-policy noeviction
hz 5
"""


async def prepare_valkey(valkey: Valkey) -> None:
    own_folder(valkey.run, None)
    own_folder(valkey.data, None)
    write_whole(valkey.run / "valkey.conf", render_conf(valkey), mode=0o600)
