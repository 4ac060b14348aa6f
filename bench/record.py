"""Keeps the newest figure of each benchmark, with machine and date, in results.json and RESULTS.md."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

BENCH = Path(__file__).parent
RESULTS = BENCH / "results.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. `peer` is what it was measured beside in the same run, `ratio` is value over peer; `bar` is what was asked."""

    value: float
    unit: str
    how: str
    bar: str = ""
    peer: str = ""
    ratio: float | None = None


def record(figures: dict[str, Figure]) -> None:
    """Merge the figures into results.json by name, and write RESULTS.md anew."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    stamp = {"machine": describe_machine(), "date": datetime.now(UTC).strftime("%Y-%m-%d")}
    known |= {name: asdict(figure) | stamp for name, figure in figures.items()}
    RESULTS.write_text(json.dumps(dict(sorted(known.items())), indent=2) + "\n")
    lines = [
        "# What was measured",
        "",
        "Written by `make bench`. Machines here share their cores: quote ratios and CPU time before absolute times.",
        "",
        "| figure | value | asked | beside | ratio | how | machine | date |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in sorted(known.items()):
        ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
        value = f"{row['value']:g} {row['unit']}"
        cells = [name, value, row["bar"], row["peer"], ratio, row["how"], row["machine"], row["date"]]
        lines.append("| " + " | ".join(cells) + " |")
    (BENCH / "RESULTS.md").write_text("\n".join(lines) + "\n")


def describe_machine() -> str:
    """Processor, cores, memory and system, in a few words."""
    models = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{models[0] if models else platform.machine()}, {os.cpu_count()} cores, {memory_gib:.0f} GiB, Linux {platform.release()}"
