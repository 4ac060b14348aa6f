"""A local receiver of traces (OTLP over HTTP, protobuf) and of error reports (Sentry's protocol)."""

from __future__ import annotations

import gzip
import json
import threading
import zlib
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class SeenSpan:
    """One span as it arrived; ids are hex, `parent_id` is empty for a root, `error` the type of what went through it."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    failed: bool
    error: str
    attributes: dict[str, Any]


class Collector:
    """`with Collector() as collector:` then set `endpoint` as OTEL_EXPORTER_OTLP_ENDPOINT, `dsn` as SENTRY_DSN."""

    def __init__(self) -> None:
        self.spans: list[SeenSpan] = []
        self.events: list[dict[str, Any]] = []
        # Everything that was sent, unpacked, to look for what must not be there.
        self.raw = b""
        collector = self

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = _unpacked(self.rfile.read(int(self.headers["content-length"])), self.headers)
                collector.raw += body
                if self.path == "/v1/traces":
                    collector.spans.extend(_spans(body))
                elif self.path == "/api/1/envelope/":
                    collector.events.extend(_events(body))
                else:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        port = self._server.server_address[1]
        self.endpoint = f"http://127.0.0.1:{port}"
        self.dsn = f"http://reportkey@127.0.0.1:{port}/1"

    def __enter__(self) -> Collector:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, stack: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def trace(self, trace_id: str) -> list[SeenSpan]:
        """The spans of one trace, in the order in which they arrived."""
        return [span for span in self.spans if span.trace_id == trace_id]

    def ancestors(self, span: SeenSpan) -> list[str]:
        """The names of a span's parent, its parent, and so on."""
        by_id = {seen.span_id: seen for seen in self.spans}
        names = []
        while span.parent_id in by_id:
            span = by_id[span.parent_id]
            names.append(span.name)
        return names


def _unpacked(body: bytes, headers: Any) -> bytes:
    match headers.get("content-encoding"):
        case "gzip":
            return gzip.decompress(body)
        case "deflate":
            return zlib.decompress(body)
        case _:
            return body


def _spans(body: bytes) -> list[SeenSpan]:
    request = ExportTraceServiceRequest.FromString(body)
    seen = []
    for resource in request.resource_spans:
        about = {item.key: item.value.string_value for item in resource.resource.attributes}
        for scope in resource.scope_spans:
            seen.extend(
                SeenSpan(
                    service=about["service.name"],
                    name=span.name,
                    trace_id=span.trace_id.hex(),
                    span_id=span.span_id.hex(),
                    parent_id=span.parent_span_id.hex(),
                    failed=span.status.code == 2,
                    error="".join(
                        item.value.string_value
                        for event in span.events
                        for item in event.attributes
                        if item.key == "exception.type"
                    ),
                    attributes={
                        item.key: getattr(item.value, str(item.value.WhichOneof("value"))) for item in span.attributes
                    },
                )
                for span in scope.spans
            )
    return seen


def _events(body: bytes) -> list[dict[str, Any]]:
    """An envelope is a line of JSON, then for each item a line of JSON and its payload."""
    lines = body.split(b"\n")
    return [
        json.loads(payload)
        for head, payload in zip(lines[1::2], lines[2::2], strict=False)
        if json.loads(head or b"{}").get("type") == "event"
    ]
