"""The feed beside Fastify and Next.js, on one stack: closed loops, requests that arrive, large data, fan-out.

Run: .venv/bin/python -m bench.feed [--only anonymous,members,...] [--dry]
Sizes: MENTS_BENCH_POSTS (2,000,000; accounts a tenth of it, follows three times) is the large place of `size`.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable

from bench.feed import arriving, closed_rows, cold, plans, size, written
from bench.feed.stage import Stage, open_stage
from bench.record import Figure, record

ON_ONE_STAGE: dict[str, Callable[[Stage], dict[str, Figure]]] = {
    "anonymous": closed_rows.measure_anonymous,
    "members": closed_rows.measure_members,
    "cold": cold.measure_cold,
    "arriving": arriving.measure_thousand,
    "arriving_4000": arriving.measure_four_thousand,
}
ALONE: dict[str, Callable[[], dict[str, Figure]]] = {
    "plans": plans.measure_plans,
    "size": size.measure_size,
    "fan_out": written.measure_fan_out,
    "likes": written.measure_likes,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join([*ON_ONE_STAGE, *ALONE]), help="rows, separated by commas")
    parser.add_argument("--dry", action="store_true", help="record nothing")
    asked = parser.parse_args()
    # So that what was started is ended as well when the bench itself is ended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    chosen = asked.only.split(",")
    unknown = [name for name in chosen if name not in ON_ONE_STAGE and name not in ALONE]
    if unknown:
        raise SystemExit(f"No such row: {', '.join(unknown)}. There are {', '.join([*ON_ONE_STAGE, *ALONE])}.")
    if any(name in ON_ONE_STAGE for name in chosen):
        with open_stage() as stage:
            for name in filter(ON_ONE_STAGE.__contains__, chosen):
                _run(name, lambda row=ON_ONE_STAGE[name]: row(stage), is_dry=asked.dry)
    for name in filter(ALONE.__contains__, chosen):
        _run(name, ALONE[name], is_dry=asked.dry)


def _run(name: str, measure: Callable[[], dict[str, Figure]], *, is_dry: bool) -> None:
    started = time.monotonic()
    print(f"{name}:", flush=True)
    found = measure()
    if not is_dry:
        record(found)
    for key, figure in found.items():
        beside = f" | {figure.peer}, ratio {figure.ratio}" if figure.peer else ""
        print(f"  {key}: {figure.value:g} {figure.unit} (asked {figure.bar or '-'}){beside}", flush=True)
    print(f"  took {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
