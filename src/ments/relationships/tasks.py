"""What relationships have done by the clock."""

from __future__ import annotations

from ments.jobs import periodic
from ments.parts import Parts
from ments.relationships import actions


@periodic(every_s=1, name="relationships.fold_counters")
async def fold_counters(parts: Parts) -> None:
    """Keep the counters of followers up with what was written beside them, and the lines few."""
    await actions.fold_counters(parts)


PERIODIC = [fold_counters]
