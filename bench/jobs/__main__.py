"""Our jobs beside plain Python `bullmq` and Node `bullmq`, in one run, on real parts.

Run: .venv/bin/python -m bench.jobs [--only pickup,enqueue,throughput,recovery] [--sample]
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable

from bench.jobs import enqueue, figures, idle, pickup, recovery, throughput
from bench.jobs.contenders import DEFAULTS, NODE_BULLMQ, OURS, PLAIN
from bench.jobs.fleet import open_fleet, warm
from bench.jobs.pickup import Pair
from bench.jobs.place import Place, open_place
from bench.record import Figure, record

PICKUP_ROUNDS, PICKUPS = 4, 80
IDLE_TIMES, AFTER_IDLE = 3, 20
ENQUEUE_ROUNDS = 3
THROUGHPUT_ROUNDS, NOOP_JOBS = 3, 1500
RECOVERY_TIMES = 3
SAMPLED_MODES = (("serial", 1), ("at_once", 16))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PHASES), help="phases, separated by commas")
    parser.add_argument(
        "--sample", action="store_true", help="print where our processes' CPU time goes; records nothing"
    )
    chosen = parser.parse_args()
    # So that what was started is ended as well when the bench itself is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with open_place() as place:
        if chosen.sample:
            print(json.dumps(sample_ours(place), indent=2))
            return
        for phase in chosen.only.split(","):
            started = time.monotonic()
            found = PHASES[phase](place)
            record(found)
            print(f"{phase}: {time.monotonic() - started:.0f} s")
            for name, figure in found.items():
                print(f"  {name}: {figure.value:.4g} {figure.unit} | {figure.peer}")


def run_pickup(place: Place) -> dict[str, Figure]:
    with open_fleet(place) as fleet:
        producers = {
            contender: fleet.start(contender, "producer") for contender in (OURS, PLAIN, DEFAULTS, NODE_BULLMQ)
        }
        pairs = [Pair(contender, made, fleet.start(contender, "worker")) for contender, made in producers.items()]
        relay = fleet.start(OURS, "relay")
        for pair in pairs:
            warm(pair.producer, pair.worker, jobs=20)
        pickup.measure_all(pairs, PICKUP_ROUNDS, PICKUPS)
        processes = {pair.contender.name: pair.worker for pair in pairs} | {"relay": relay}
        resting = idle.measure_idle(pairs, processes, IDLE_TIMES, AFTER_IDLE)
    return figures.of_pickups(pairs) | figures.of_rest(resting)


def run_enqueue(place: Place) -> dict[str, Figure]:
    found: dict[str, dict[str, enqueue.Added]] = defaultdict(lambda: defaultdict(enqueue.Added))
    with open_fleet(place) as fleet:
        producers = {contender: fleet.start(contender, "producer") for contender in (OURS, PLAIN, NODE_BULLMQ)}
        fleet.start(OURS, "relay")
        for producer in producers.values():
            producer.ask(do="add", jobs=200, mode="at_once", width=16)
        for _ in range(ENQUEUE_ROUNDS):
            enqueue.measure_round(place, producers, found)
    return figures.of_enqueueing(found)


def run_throughput(place: Place) -> dict[str, Figure]:
    found: dict[int, dict[str, throughput.Ran]] = {
        concurrency: defaultdict(throughput.Ran) for concurrency in throughput.CONCURRENCIES
    }
    for _ in range(THROUGHPUT_ROUNDS):
        throughput.measure_round(place, (OURS, PLAIN, NODE_BULLMQ), NOOP_JOBS, found)
    return figures.of_throughput(found)


def run_recovery(place: Place) -> dict[str, Figure]:
    killed = recovery.measure_killed(place, RECOVERY_TIMES)
    return figures.of_recovery(killed, recovery.measure_emptied(place, RECOVERY_TIMES))


def sample_ours(place: Place) -> dict[str, object]:
    """Shares of our worker's (16 jobs at once) and producer's CPU time by room and by function."""
    ran = throughput.Ran()
    worker = throughput.run_through(place, OURS, 16, 3 * NOOP_JOBS, ran, sample=True)
    with open_fleet(place) as fleet:
        producer = fleet.start(OURS, "producer", sample="1")
        added = {mode: producer.ask(do="add", jobs=3000, mode=mode, width=width) for mode, width in SAMPLED_MODES}
    return {"worker": {"jobs_per_s": ran.rate[0], "cpu_us_per_job": ran.cpu_us, **worker}, "producer": added}


PHASES: dict[str, Callable[[Place], dict[str, Figure]]] = {
    "pickup": run_pickup,
    "enqueue": run_enqueue,
    "throughput": run_throughput,
    "recovery": run_recovery,
}

if __name__ == "__main__":
    main()
