"""An OTLP/HTTP receiver for tests: decodes what arrives, and can refuse, fail or be slow."""

import gzip
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue


def plain(value: AnyValue) -> Any:
    """Turn an OTLP value into a Python one."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return attributes(value.kvlist_value.values)
    return getattr(value, kind)


def attributes(pairs: "Any") -> dict[str, Any]:
    """Turn OTLP attributes into a dictionary."""
    found: dict[str, Any] = {}
    pair: KeyValue
    for pair in pairs:
        found[pair.key] = plain(pair.value)
    return found


class Receiver:
    """Listens on a port of its own from enter to exit and keeps what it was sent.

    `status` is what it answers and `delay` how many seconds it takes to, both free to change.
    """

    def __init__(self, port: int = 0) -> None:
        self.status = 200
        self.delay = 0.0
        self.bodies: list[tuple[str, bytes]] = []
        self.headers: list[dict[str, str]] = []
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                if receiver.delay:
                    time.sleep(receiver.delay)
                if receiver.status == 200:
                    receiver.keep(self.path, body, dict(self.headers))
                self.send_response(receiver.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                """Keep quiet about senders that were killed."""

        self._server = Server(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Receiver":
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def keep(self, path: str, body: bytes, headers: dict[str, str]) -> None:
        """Keep one request."""
        with self._lock:
            self.bodies.append((path, body))
            self.headers.append(headers)

    def spans(self) -> list[Any]:
        """Return the spans received so far, each with `resource` beside it as a dictionary."""
        return [span for _, span in self.spans_by_resource()]

    def spans_by_resource(self) -> list[tuple[dict[str, Any], Any]]:
        """Return pairs of resource attributes and span."""
        found: list[tuple[dict[str, Any], Any]] = []
        for body in self._of("/v1/traces"):
            request = ExportTraceServiceRequest.FromString(body)
            for resource_spans in request.resource_spans:
                resource = attributes(resource_spans.resource.attributes)
                for scope in resource_spans.scope_spans:
                    found.extend((resource, span) for span in scope.spans)
        return found

    def logs(self) -> list[tuple[dict[str, Any], Any]]:
        """Return pairs of resource attributes and log record."""
        found: list[tuple[dict[str, Any], Any]] = []
        for body in self._of("/v1/logs"):
            request = ExportLogsServiceRequest.FromString(body)
            for resource_logs in request.resource_logs:
                resource = attributes(resource_logs.resource.attributes)
                for scope in resource_logs.scope_logs:
                    found.extend((resource, record) for record in scope.log_records)
        return found

    def metrics(self) -> dict[str, dict[str, Any]]:
        """Return each instance's newest metrics: instance id → metric name → OTLP metric."""
        found: dict[str, dict[str, Any]] = {}
        for body in self._of("/v1/metrics"):
            request = ExportMetricsServiceRequest.FromString(body)
            for resource_metrics in request.resource_metrics:
                resource = attributes(resource_metrics.resource.attributes)
                instance = found.setdefault(str(resource.get("service.instance.id")), {})
                for scope in resource_metrics.scope_metrics:
                    instance.update({metric.name: metric for metric in scope.metrics})
        return found

    def everything(self) -> bytes:
        """Return all that was received, to search it for what must not be there."""
        with self._lock:
            return b"\n".join(body for _, body in self.bodies)

    def _of(self, path: str) -> Iterator[bytes]:
        with self._lock:
            bodies = list(self.bodies)
        return (body for at, body in bodies if at == path)
