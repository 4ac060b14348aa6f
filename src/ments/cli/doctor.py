"""`ments doctor`: what is wrong with a deployment, and how to mend it."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import asdict
from typing import Any

from ments.cli.options import AsJson, HomePath, settings_of


def doctor(*, home: HomePath | None = None, as_json: AsJson = False) -> None:
    """Ask every part as the processes here reach it, and print the fix for what is wrong.

    Run it where the workers run: the sandbox is this machine's. The exit status is 1 when anything is broken.

    Parameters
    ----------
    home
        The home that was given to `ments up`.
    as_json
        Print {ok, findings: [{part, state, detail, fix}]}; state is ok, warning or broken.
    """
    found = asyncio.run(_examine(settings_of(home), aloud=not as_json))
    healthy = all(finding.state != "broken" for finding in found)
    if as_json:
        print(json.dumps({"ok": healthy, "findings": [asdict(finding) for finding in found]}, indent=1))
    if not healthy:
        raise SystemExit(1)


async def _examine(settings: Any, *, aloud: bool) -> list[Any]:
    import structlog

    from ments.doctor import examine, line_of

    # Whatever a library logs, the findings say.
    logging.disable(logging.CRITICAL)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    found = []
    async for finding in examine(settings):
        found.append(finding)
        if aloud:
            print(line_of(finding), flush=True)
    return found
