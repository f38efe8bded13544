"""Runs the service for a test: a real uvicorn on a loopback port, telemetry in memory."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import uvicorn
from fastapi import FastAPI

from otel import names
from otel.settings import ApiSettings
from otel.testing import Recorded, recorded
from service.app import create_app
from service.runtime import Parts, Runtime
from service.settings import Settings
from service.targets import load_targets

TARGETS = """
targets:
  quick:
    provider: simulated
    options: {seed: 7, latency_ms: 0, token_ms: 0}
    retries: {attempts: 3, base_delay: 0.001, max_delay: 0.01, max_retry_after: 1}
    models:
      simulated:
        prices: {input: "0.40", cache_read: "0.10", output: "1.60"}
      simulated-embedding:
        operation: embeddings
        prices: {input: "0.02"}
      unpriced: {model: nobody-knows-its-price}
  failing:
    provider: simulated
    options: {seed: 11, latency_ms: 0, faults: {status: {503: 1.0}}}
    retries: {attempts: 2, base_delay: 0.001, max_delay: 0.01}
    models:
      fallback: {model: simulated, prices: {input: "0.40", output: "1.60"}}
      down: {model: simulated, prices: {input: "0.40", output: "1.60"}}
  steady:
    provider: simulated
    options: {seed: 13, latency_ms: 0, token_ms: 0}
    models:
      fallback: {model: simulated, prices: {input: "0.40", output: "1.60"}}
models:
  fallback: [failing, steady]
"""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, read whole; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error in OpenAI's shape; fails where it has another."""
        error = self.json["error"]
        assert set(error) == {"message", "type", "param", "code", "trace_id"}, error
        assert error["trace_id"] == self.headers["x-trace-id"]
        return error


@dataclass(frozen=True, slots=True)
class RunningService:
    """A service that answers at `port`, and what it recorded."""

    port: int
    key: str
    app: FastAPI
    telemetry: Recorded
    server: uvicorn.Server
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def runtime(self) -> Runtime:
        """Its parts."""
        return self.app.state.runtime

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        key: str | None = "",
    ) -> Reply:
        """Send one request; `key` "" is the dev key, None is none."""
        sent = dict(headers or {})
        if key is not None:
            sent.setdefault("authorization", f"Bearer {key or self.key}")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body=body, headers=sent)
            answer = connection.getresponse()
            return Reply(
                answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
            )
        finally:
            connection.close()

    def post(
        self, path: str, body: object, headers: Mapping[str, str] | None = None, **kwargs: Any
    ) -> Reply:
        """Post JSON."""
        sent = {"content-type": "application/json", **(headers or {})}
        return self.request("POST", path, json.dumps(body).encode(), sent, **kwargs)

    def chat(
        self, content: str = "hello", headers: Mapping[str, str] | None = None, **fields: Any
    ) -> Reply:
        """Ask for a chat completion."""
        body = {"model": "simulated", "messages": [{"role": "user", "content": content}], **fields}
        return self.post("/v1/chat/completions", body, headers)

    def stop_soon(self) -> None:
        """Tell it to stop, as the signal would: this server runs outside the main thread."""
        self.loop.call_soon_threadsafe(lambda: self.loop.create_task(self.runtime.drain()))

    def open_stream(self, content: str = "hello", **kwargs: Any) -> OpenStream:
        """Begin to read a stream on a connection of its own."""
        return OpenStream(self, content, **kwargs)


class OpenStream:
    """A stream on a raw socket, so that a test decides how much is read and when it closes."""

    def __init__(
        self,
        service: RunningService,
        content: str,
        *,
        headers: Mapping[str, str] | None = None,
        receive_buffer: int | None = None,
        **fields: Any,
    ) -> None:
        body = json.dumps(
            {
                "model": "simulated",
                "stream": True,
                "messages": [{"role": "user", "content": content}],
                **fields,
            }
        ).encode()
        lines = [
            "POST /v1/chat/completions HTTP/1.1",
            "host: localhost",
            f"authorization: Bearer {service.key}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
        ]
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", service.port))
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
        self.received = b""

    def read_until(self, text: bytes) -> bytes:
        """Read until the text came; everything so far."""
        while text not in self.received:
            part = self.socket.recv(4096)
            assert part, f"the stream ended before {text!r}: {self.received[-500:]!r}"
            self.received += part
        return self.received

    def read_to_end(self) -> bytes:
        """Read to the last chunk of the body, or until the connection closes."""
        while not self.received.endswith(b"0\r\n\r\n"):
            part = self.socket.recv(65536)
            if not part:
                break
            self.received += part
        return self.received

    def close(self) -> None:
        """Go away without a word."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def attributes_of(item: Any) -> dict[str, Any]:
    """The attributes of a span or a log record."""
    return dict((getattr(item, "log_record", None) or item).attributes or {})


def usage_records(telemetry: Recorded) -> list[dict[str, Any]]:
    """The attributes of each usage record, in order."""
    return [attributes_of(record) for record in telemetry.logs(names.USAGE_BODY)]


def inference_attributes(telemetry: Recorded) -> list[dict[str, Any]]:
    """The attributes of each inference span, in the order they ended."""
    return [
        attributes_of(span)
        for span in telemetry.spans()
        if span.name.startswith(("chat ", "embeddings "))
    ]


def wait_for(condition: Callable[[], object], what: str = "it", seconds: float = 10.0) -> None:
    """Poll until the condition holds; fail after the bound."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.005)


def settings_for(home: Path, redis_url: str, **changes: Any) -> Settings:
    """Settings of a test's service; nothing comes from the environment that matters here."""
    given: dict[str, Any] = {
        "home": home,
        "redis_url": redis_url,
        "simulate_control": True,
        "components": ("search", "summary"),
        "check_interval_seconds": 0.1,
        "shutdown_grace_seconds": 0.2,
        "otlp_endpoint": "http://127.0.0.1:9",
        **changes,
    }
    return Settings(**given)


@contextmanager
def running(
    settings: Settings,
    *,
    targets: str = TARGETS,
    parts: Parts | None = None,
    capture: ApiSettings | None = None,
) -> Generator[RunningService]:
    """The service on a port of its own, until the block ends."""
    settings.home.mkdir(parents=True, exist_ok=True)
    file = settings.home / "targets.yaml"
    file.write_text(targets)
    with recorded(install=True, settings=capture) as telemetry:
        app = create_app(
            settings,
            targets=load_targets(file, credentials={}),
            telemetry=telemetry.telemetry,
            parts=parts,
        )
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
        new_loop = server.config.get_loop_factory()
        assert new_loop is not None
        loop = new_loop()
        thread = threading.Thread(target=_serve, args=(loop, server, listener))
        thread.start()
        try:
            wait_for(lambda: server.started or not thread.is_alive(), "the service to start")
            assert server.started, "the service did not start"
            key = ""
            if settings.development:
                key = (settings.home / "dev-api-key").read_text().strip()
            yield RunningService(listener.getsockname()[1], key, app, telemetry, server, loop)
        finally:
            server.should_exit = True
            thread.join(20)
            listener.close()
            assert not thread.is_alive(), "the service did not stop"


def _serve(
    loop: asyncio.AbstractEventLoop, server: uvicorn.Server, listener: socket.socket
) -> None:
    # Uvicorn leaves by exiting when the application does not start; here only its thread ends.
    with asyncio.Runner(loop_factory=lambda: loop) as runner, suppress(SystemExit):
        runner.run(server.serve(sockets=[listener]))
