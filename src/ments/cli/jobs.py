"""`ments jobs`: a look at what is queued, running, done and failed."""

from __future__ import annotations

import json

from cyclopts import App

from ments.cli.options import AsJson, HomePath, settings_of

jobs_app = App(name="jobs", help="Look at the jobs of a deployment.")


@jobs_app.command(name="stats")
def jobs_stats(*, home: HomePath | None = None, as_json: AsJson = False) -> None:
    """Count the jobs by queue and state, the workers, and what the outbox still holds.

    Parameters
    ----------
    home
        The home that was given to `ments up`.
    as_json
        Print {queues: {NAME: {STATE: jobs, workers}}, outbox: {unsent, oldest_s}}.
    """
    from ments.jobs.stats import read_stats, stats_lines

    found = read_stats(settings_of(home))
    print(json.dumps(found, indent=1) if as_json else "\n".join(stats_lines(found)))
