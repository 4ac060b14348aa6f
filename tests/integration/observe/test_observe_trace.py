"""One trace from a request through the outbox into another process; one report of what failed there."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from litestar import Litestar, get, post
from litestar.params import FromPath
from litestar.types import Scope
from observed_worker import BINDINGS, Sent

from collector import Collector
from eventually import eventually
from ments.observe import Observed, report_request_error
from ments.parts import Parts
from ments.settings import Settings
from sending import open_patient_outbox, open_patient_queues
from valkey_server import ValkeyServer

_PROGRAM = Path(__file__).with_name("observed_worker.py")
_SECRETS = {"cookie": "ments_session=hunter2", "authorization": "Bearer hunter2hunter2", "user-agent": "tests"}


@pytest_asyncio.fixture
async def worker(observed: Settings, valkey_server: ValkeyServer) -> AsyncIterator[None]:
    environ = {
        **os.environ,
        "MENTS_HOME": str(observed.home),
        "REDIS_URL": valkey_server.url,
        "DATABASE_URL": observed.database_url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": observed.otlp_endpoint,
        "SENTRY_DSN": observed.sentry_dsn,
        "SECRET_KEY": observed.secret_key,
        "MEDIA_SIGNING_KEYS": ",".join(observed.media_signing_keys),
        "S3_ENDPOINT_URL": observed.s3_endpoint_url,
        "AWS_ACCESS_KEY_ID": observed.aws_access_key_id,
        "AWS_SECRET_ACCESS_KEY": observed.aws_secret_access_key,
    }
    process = await asyncio.create_subprocess_exec(sys.executable, str(_PROGRAM), env=environ)
    async with open_patient_queues(valkey_server.url) as queues:

        async def connected() -> bool:
            return (await queues.count_workers())["default"] == 1

        await eventually(connected, within_s=60)
    yield
    process.terminate()
    async with asyncio.timeout(20):
        assert await process.wait() == 0


@pytest_asyncio.fixture
async def client(parts: Parts, valkey_server: ValkeyServer) -> AsyncIterator[httpx2.AsyncClient]:
    """An API with one route that causes a job, and one that fails."""

    @post("/send/{ends:str}")
    async def send(ends: FromPath[str]) -> dict[str, str]:
        async with parts.primary.transaction() as tx:
            await outbox.emit(tx, Sent(ends))
        return {}

    @get("/broken")
    async def broken() -> None:
        raise RuntimeError("redis://:hunter2@127.0.0.1/0 broke")

    async def report(error: Exception, scope: Scope) -> None:
        report_request_error(error, scope)

    app = Observed(Litestar([send, broken], after_exception=[report], logging_config=None, openapi_config=None))
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with (
        # What is left to a relay has no span of its sending.
        open_patient_outbox(parts.primary, valkey_server.url, BINDINGS) as outbox,
        httpx2.AsyncClient(transport=transport, base_url="http://ments.test") as client,
    ):
        yield client


def _span_names(collector: Collector, trace_id: str) -> dict[str, list[str]]:
    return {f"{span.service} {span.name}": collector.ancestors(span) for span in collector.trace(trace_id)}


@pytest.mark.usefixtures("worker")
async def test_one_trace_from_the_request_to_the_step_of_a_job(
    client: httpx2.AsyncClient, collector: Collector
) -> None:
    answer = await client.post("/send/well")
    assert answer.status_code == 201
    trace_id = answer.headers["x-trace-id"]
    await eventually(lambda: len(collector.trace(trace_id)) >= 7, within_s=60)
    request = "POST /send/{ends}"
    assert _span_names(collector, trace_id) == {
        f"ments-api {request}": [],
        "ments-api transaction": [request],
        "ments-api emit Sent": ["transaction", request],
        "ments-api enqueue": [request],
        "ments-worker run step": ["emit Sent", "transaction", request],
        "ments-worker encode": ["run step", "emit Sent", "transaction", request],
    }
    (encode,) = (span for span in collector.trace(trace_id) if span.name == "encode")
    assert encode.attributes == {"rung": "720p"}
    assert collector.events == []


@pytest.mark.usefixtures("worker")
async def test_a_job_that_breaks_is_reported_once_with_its_trace_and_without_secrets(
    client: httpx2.AsyncClient, collector: Collector
) -> None:
    trace_id = (await client.post("/send/bug", headers=_SECRETS)).headers["x-trace-id"]
    await eventually(lambda: len(collector.events) > 0, within_s=60)
    bad = (await client.post("/send/bad file")).headers["x-trace-id"]
    await eventually(lambda: any(span.name == "run step" for span in collector.trace(bad)), within_s=60)
    runs = [span for span in collector.trace(trace_id) if span.name == "run step"]
    assert [(run.attributes["attempt"], run.failed) for run in runs] == [(1, True), (2, True)]
    assert runs[0].error == "RuntimeError"
    # Two attempts, one report; and none for a member's bad file.
    (event,) = collector.events
    assert event["tags"]["trace_id"] == event["contexts"]["trace"]["trace_id"] == trace_id
    assert event["tags"]["service"] == "ments-worker"
    assert event["tags"]["queue"] == "default"
    thrown = event["exception"]["values"][-1]
    assert thrown["type"] == "RuntimeError"
    assert thrown["value"].startswith("postgresql://ments:[hidden]@127.0.0.1/x broke")
    assert all("vars" not in frame for frame in thrown["stacktrace"]["frames"])
    assert 'f"postgresql' not in json.dumps(event["tags"])
    _assert_no_secret(collector, event)


@pytest.mark.usefixtures("observed")
async def test_a_request_that_breaks_is_reported_with_its_trace_and_without_secrets(
    client: httpx2.AsyncClient, collector: Collector
) -> None:
    answer = await client.get("/broken?token=hunter2", headers=_SECRETS)
    assert answer.status_code == 500
    await client.get("/nowhere", headers=_SECRETS)
    await eventually(lambda: len(collector.events) > 0)
    (event,) = collector.events
    assert event["tags"]["trace_id"] == answer.headers["x-trace-id"]
    assert event["tags"]["route"] == "/broken"
    assert event["contexts"]["ments"]["headers"].keys() <= {"host", "user-agent", "accept"}
    assert "request" not in event
    await eventually(lambda: len(collector.trace(answer.headers["x-trace-id"])) == 1)
    _assert_no_secret(collector, event)


def _assert_no_secret(collector: Collector, event: dict[str, Any]) -> None:
    # The lines of source around a frame are the program's own text, not a value of the run.
    for thrown in event["exception"]["values"]:
        for frame in thrown["stacktrace"]["frames"]:
            for member in ("pre_context", "context_line", "post_context"):
                frame.pop(member, None)
    assert "hunter2" not in json.dumps(event)
    assert all("hunter2" not in str(span) for span in collector.spans)


async def test_without_addresses_nothing_is_sent_and_there_is_a_trace_id_all_the_same(
    parts: Parts, client: httpx2.AsyncClient
) -> None:
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert (await client.get("/nowhere", headers={"traceparent": given})).headers["x-trace-id"] == given.split("-")[1]
    other = (await client.get("/nowhere", headers={"traceparent": "nonsense"})).headers["x-trace-id"]
    assert len(other) == 32
    assert other != given.split("-")[1]
