"""A stand-in for Tempo: it answers traces as Tempo writes them, or in any other way."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = dict[str, Any]
BEGAN = 1_795_271_760_123_000_000


def encoded(number: int, size: int = 8) -> str:
    """An id as protobuf's JSON has it."""
    return base64.b64encode(number.to_bytes(size)).decode()


def decoded(identity: str) -> str:
    """An id in hexadecimal."""
    return base64.b64decode(identity).hex()


def attribute(key: str, value: object) -> Json:
    kinds = {"bool": "boolValue", "int": "intValue", "float": "doubleValue"}
    kind = kinds.get(type(value).__name__, "stringValue")
    return {"key": key, "value": {kind: str(value) if kind == "intValue" else value}}


def span(number: int, name: str, **changes: Any) -> Json:
    """One span; `begin` and `took` in milliseconds."""
    parent, begin, took = changes.pop("parent", 0), changes.pop("begin", 0), changes.pop("took", 10)
    attributes = changes.pop("attributes", {})
    start = BEGAN + int(begin * 1_000_000)
    return {
        "traceId": encoded(1, 16),
        "spanId": encoded(number),
        **({"parentSpanId": encoded(parent)} if parent else {}),
        "name": name,
        "kind": "SPAN_KIND_INTERNAL",
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + int(took * 1_000_000)),
        "attributes": [attribute(key, value) for key, value in attributes.items()],
        "status": {},
        **changes,
    }


def trace(*batches: tuple[str, list[Json]]) -> Json:
    """A trace as Tempo 2 answers it: services with their spans."""
    return {
        "batches": [
            {
                "resource": {"attributes": [attribute("service.name", service)]},
                "scopeSpans": [{"scope": {"name": "test"}, "spans": spans}],
            }
            for service, spans in batches
        ]
    }


def chat_trace(name: str = "chat gpt-4.1") -> Json:
    """A request of the gateway that was tried twice, called by an app."""
    return trace(
        ("shop", [span(1, "GET /answer", took=1500, kind="SPAN_KIND_SERVER")]),
        (
            "gaugeway",
            [
                span(2, "POST /v1/chat/completions", parent=1, begin=20, took=1460,
                     kind="SPAN_KIND_SERVER",
                     attributes={"http.request.method": "POST", "http.response.status_code": 200}),
                span(3, "GET", parent=2, begin=24, took=2, kind="SPAN_KIND_CLIENT",
                     attributes={"db.system.name": "redis"}),
                span(4, "chat claude-sonnet-4-5", parent=2, begin=30, took=400,
                     kind="SPAN_KIND_CLIENT",
                     status={"code": "STATUS_CODE_ERROR", "message": "The provider is overloaded."},
                     attributes={"gen_ai.request.model": "claude-sonnet-4-5",
                                 "error.type": "overloaded"},
                     events=[{"name": "exception", "timeUnixNano": str(BEGAN + 429_000_000),
                              "attributes": [attribute("exception.type", "ProviderOverloaded")]}]),
                span(5, name, parent=2, begin=440, took=1020, kind="SPAN_KIND_CLIENT",
                     attributes={"network.peer.port": 443, "gen_ai.request.model": "gpt-4.1",
                                 "gen_ai.usage.input_tokens": 812, "gaugeway.cost": 0.0031},
                     events=[{"name": "first chunk", "timeUnixNano": str(BEGAN + 700_000_000)}]),
            ],
        ),
    )  # fmt: skip


@dataclass
class Tempo:
    """What it answers; `asked` are the paths it was asked for."""

    url: str = ""
    status: int = 200
    body: bytes = b""
    delay: float = 0.0
    asked: list[str] = field(default_factory=list[str])

    def answer(self, document: object) -> None:
        self.body = json.dumps(document).encode()


@contextmanager
def tempo() -> Generator[Tempo]:
    """A Tempo on a port of its own."""
    state = Tempo()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            time.sleep(state.delay)
            self.send_response(state.status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(state.body)))
            self.end_headers()
            try:
                self.wfile.write(state.body)
            except OSError:
                return  # The reader had enough.

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join(10)
