"""What every recipe is made from, gathered once before anything starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum, auto
from pathlib import Path

from ments.stack.account import Account
from ments.stack.home import Home
from ments.stack.plan import Options, Places, replica_name
from ments.stack.programs import Programs


class StopStage(IntEnum):
    """The order of the stop, which is the order in which a request passes the parts."""

    EDGE = auto()
    API = auto()
    WORKERS = auto()
    POOLER = auto()
    REPLICAS = auto()
    STORES = auto()


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every recipe is made from. `env` is the app's settings, as in `run/env`."""

    home: Home
    options: Options
    places: Places
    programs: Programs
    ports: Mapping[str, int]
    secrets: Mapping[str, str]
    env: Mapping[str, str]
    account: Account | None

    def run(self, name: str) -> Path:
        return self.home.run / name

    @property
    def replicas(self) -> list[str]:
        return [replica_name(n) for n in range(1, self.options.replicas + 1)]
