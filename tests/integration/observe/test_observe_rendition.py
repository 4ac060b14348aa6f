"""One trace from the request that completes an upload to the rendition, through the outbox and a real worker."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from collector import Collector
from eventually import eventually
from ments.jobs.rooms import join_rooms
from ments.parts import Parts
from ments.rooms import ROOMS
from ments.settings import Settings
from originals import make_video
from posting import make_member, open_api
from running_stack import RunningStack, clean_environ
from sending import open_patient_outbox, relaying


@pytest.mark.timeout(240)
async def test_one_trace_from_the_request_to_the_rendition(
    stack: RunningStack, parts: Parts, observed: Settings, collector: Collector, tmp_path: Path
) -> None:
    member = await make_member(parts)
    video = await asyncio.to_thread(make_video, tmp_path / "clip.mp4", size="320x180", seconds=1)
    data = await asyncio.to_thread(video.read_bytes)
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ments", "worker", "--queues", "media"),
        env=clean_environ(**stack.env)
        | {
            "DATABASE_URL": observed.database_url,
            "DATABASE_REPLICA_URLS": observed.database_url,
            "REDIS_URL": observed.redis_url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": observed.otlp_endpoint,
            "SENTRY_DSN": observed.sentry_dsn,
        },
    )
    try:
        async with (
            # What is left to a relay is a failed span of its request.
            open_patient_outbox(parts.primary, observed.redis_url, join_rooms(ROOMS).bindings) as outbox,
            relaying(parts.primary, outbox.queues),
            open_api(replace(parts, outbox=outbox)) as api,
        ):
            # The host that is asked is the one that is signed, and the edge answers under its own only.
            api.base_url = httpx2.URL(stack.url)
            started = await api.post(
                "/api/uploads",
                json={"filename": "clip.mp4", "content_type": "video/mp4", "size": len(data)},
                headers=member.headers,
            )
            upload = started.json()
            async with httpx2.AsyncClient(timeout=30) as browser:
                sent = await browser.request(upload["method"], upload["url"], content=data, headers=upload["headers"])
            assert sent.status_code == 200
            completed = await api.post(f"/api/uploads/{upload['id']}/complete", headers=member.headers)
            assert completed.status_code == 202
            trace_id = completed.headers["x-trace-id"]

            async def playable() -> bool:
                shown = await api.get(f"/api/media/{completed.json()['media_id']}", headers=member.headers)
                assert shown.json()["status"] != "failed"
                return bool(shown.json()["variants"])

            await eventually(playable, within_s=150)
        await eventually(lambda: any(span.name == "run transcode" for span in collector.trace(trace_id)), within_s=60)
    finally:
        worker.terminate()
        async with asyncio.timeout(20):
            await worker.wait()
    spans = {span.name: span for span in collector.trace(trace_id)}
    request = "POST /api/uploads/{upload_id}/complete"
    assert spans[request].service == "ments-api"
    for step in ("probe", "encode", "store"):
        assert spans[step].service == "ments-worker"
        assert collector.ancestors(spans[step])[-4:] == [
            "run transcode",
            "emit MediaUploaded",
            "transaction",
            request,
        ]
    failed = {(span.service, span.name, span.error) for span in collector.trace(trace_id) if span.failed}
    # What a worker cannot send within a second is the relay's; nothing else may go wrong.
    assert failed <= {("ments-worker", "enqueue", "TimeoutError")}
    assert collector.events == []
    # The signed requests of the upload and of the worker are in no span.
    assert b"X-Amz-Signature" not in collector.raw
    await parts.bucket.delete_prefix(f"media/{upload['media_id']}/")
