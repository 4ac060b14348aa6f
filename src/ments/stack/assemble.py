"""Joins the recipes of the app's own processes and of the edge to the stores: the whole list of parts."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from ments.settings import Settings
from ments.stack.model import Part, nothing
from ments.stack.plan import QUEUES, app_environ
from ments.stack.probes import http_answers
from ments.stack.recipes import nginx, processes
from ments.stack.stores import store_parts
from ments.stack.surroundings import StopStage, Surroundings

# A second or two of imports on a quiet machine; a busy one may take its time.
_READY_S = 90.0


def assemble(around: Surroundings, settings: Settings) -> list[Part]:
    """Every part that this home runs, with its needs."""
    stores = list(store_parts(around, settings))
    migrate = _migrate(around, "postgres" if around.places.database else None)
    needs = (*(part.name for part in stores), migrate.name)
    return [*stores, migrate, _api(around, settings, needs), *_jobs(around, needs), _edge(around, settings)]


def _migrate(around: Surroundings, database: str | None) -> Part:
    return Part(
        name="migrate",
        kind="",
        command=processes.migrate_command(around.home.root, app_environ(around.env, 0)),
        needs=(database,) if database else (),
        probe=nothing,
        stop_stage=StopStage.API,
        ready_s=600.0,
        once=True,
    )


def _api(around: Surroundings, settings: Settings, needs: tuple[str, ...]) -> Part:
    metrics = around.ports["api-metrics"]
    url = f"http://{settings.api_bind}:{settings.api_port}"
    return Part(
        name="api",
        kind="api",
        command=processes.api_command(around.home.root, app_environ(around.env, metrics)),
        needs=needs,
        probe=partial(http_answers, f"{url}/api/ready"),
        stop_stage=StopStage.API,
        grace_s=3.0,
        ready_s=_READY_S,
        url=url,
        metrics_url=f"http://127.0.0.1:{metrics}/metrics",
    )


def _jobs(around: Surroundings, needs: tuple[str, ...]) -> Iterable[Part]:
    for queue in QUEUES:
        for number in range(1, around.options.workers + 1):
            name = f"worker-{queue}-{number}"
            environ = app_environ(around.env, around.ports[f"{name}-metrics"])
            metrics_url = f"http://127.0.0.1:{around.ports[f'{name}-metrics']}/metrics"
            yield Part(
                name=name,
                kind="worker",
                command=processes.worker_command(around.home.root, environ, queue),
                needs=needs,
                probe=partial(http_answers, metrics_url),
                stop_stage=StopStage.WORKERS,
                grace_s=4.0,
                ready_s=_READY_S,
                metrics_url=metrics_url,
            )
    metrics_url = f"http://127.0.0.1:{around.ports['relay-metrics']}/metrics"
    yield Part(
        name="relay",
        kind="relay",
        command=processes.relay_command(around.home.root, app_environ(around.env, around.ports["relay-metrics"])),
        needs=needs,
        probe=partial(http_answers, metrics_url),
        stop_stage=StopStage.WORKERS,
        grace_s=4.0,
        ready_s=_READY_S,
        metrics_url=metrics_url,
    )


def _edge(around: Surroundings, settings: Settings) -> Part:
    run = around.run("edge")
    pages_dir = nginx.pages_folder(run)
    config = nginx.edge_config(
        settings,
        run,
        error_log=around.home.log("edge"),
        access_log=around.home.log("edge-access"),
        user=nginx.worker_user(around.account),
        pages_dir=pages_dir,
    )
    address = nginx.local_address(settings.bind, settings.port)
    return Part(
        name="edge",
        kind="edge",
        command=nginx.command(around.programs.edge, run),
        needs=("api",),
        prepare=partial(nginx.prepare_edge, config, run, around.account),
        # The landing page, so that the first visitor doesn't wait for templates to be compiled.
        probe=partial(http_answers, f"{address}/"),
        stop_stage=StopStage.EDGE,
        grace_s=2.0,
        # As long as the API may take, without which there is no page.
        ready_s=_READY_S,
        url=address,
        leaves=(pages_dir,) if pages_dir else (),
    )
