"""The processes of a deployment, one each: `ments api`, `worker`, `relay`, `edge`, and `migrate` before them."""

from __future__ import annotations

from ments.cli.options import settings_of


def migrate() -> None:
    """Bring the database to the newest schema; running it again does nothing."""
    from ments.db.migrate import run_migrations

    run_migrations(settings_of().database_direct_url)


def api() -> None:
    """Serve the API, in MENTS_API_WORKERS processes, until it is told to stop."""
    from ments.app import run_api

    run_api(settings_of())


def worker(*, queues: str = "media,default") -> None:
    """Run jobs until told to stop; the jobs at hand are finished or handed back first.

    Parameters
    ----------
    queues
        Which queues, separated by commas: media (and with it ladder), ladder alone, default.
    """
    from ments.app import run_worker

    run_worker(settings_of(), tuple(queue.strip() for queue in queues.split(",") if queue.strip()))


def relay() -> None:
    """Enqueue what the outbox still holds, and run the periodic work, until told to stop."""
    from ments.app import run_relay

    run_relay(settings_of())


def edge() -> None:
    """Serve the edge (nginx) before an API at MENTS_API_URL, until it is told to stop."""
    from ments.stack.edge_alone import run_edge

    run_edge(settings_of())


COMMANDS = (migrate, api, worker, relay, edge)
