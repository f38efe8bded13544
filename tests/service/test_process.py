"""The service as it is run: its own process, instrumented at start-up, stopped by a signal."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.otel.receiver import Receiver, attributes
from tests.service.running import wait_for

CHAT: dict[str, Any] = {"model": "simulated", "messages": [{"role": "user", "content": "hi"}]}


@dataclass(frozen=True, slots=True)
class Process:
    """A running service process."""

    popen: subprocess.Popen[bytes]
    port: int
    home: Path
    output: Path

    @property
    def key(self) -> str:
        return (self.home / "dev-api-key").read_text().strip()

    def open(self, path: str, body: object = None, headers: dict[str, str] | None = None) -> Any:
        """The answer, its body not yet read."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            None if body is None else json.dumps(body).encode(),
            {
                "content-type": "application/json",
                "authorization": f"Bearer {self.key}",
                **(headers or {}),
            },
        )
        return urllib.request.urlopen(request, timeout=20)

    def answers(self) -> bool:
        assert self.popen.poll() is None, self.output.read_text()
        try:
            with self.open("/healthz"):
                return True
        except (OSError, urllib.error.URLError):
            return False


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def process(tmp_path: Path, receiver: Receiver, **settings: str) -> Generator[Process]:
    """The service by the documented command."""
    port, output = free_port(), tmp_path / "output"
    environment = {
        **{name: value for name, value in os.environ.items() if "GAUGEWAY" not in name},
        "GAUGEWAY_HOME": str(tmp_path / "home"),
        "GAUGEWAY_SIMULATE_CONTROL": "1",
        "GAUGEWAY_SHUTDOWN_GRACE_SECONDS": "0.5",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
        **settings,
    }
    binaries = Path(sys.executable).parent
    command = [
        str(binaries / "opentelemetry-instrument"),
        str(binaries / "uvicorn"),
        "--factory",
        "service.app:create_app",
        "--port",
        str(port),
    ]
    with output.open("wb") as log:
        popen = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, cwd=Path(__file__).parents[2]
        )
        running = Process(popen, port, tmp_path / "home", output)
        try:
            wait_for(running.answers, "the service to answer", seconds=30)
            yield running
        finally:
            popen.kill()
            popen.wait()


@pytest.fixture
def receiver() -> Generator[Receiver]:
    with Receiver() as running:
        yield running


def test_sigterm_ends_a_stream_within_its_grace_and_loses_no_telemetry(
    tmp_path: Path, receiver: Receiver
) -> None:
    with process(tmp_path, receiver) as service:
        wish = {"x-gaugeway-simulate": json.dumps({"chunk_ms": 3000})}
        with service.open("/v1/chat/completions", {**CHAT, "stream": True}, wish) as stream:
            first = stream.readline()
            assert first.startswith(b"data: ")
            started = time.monotonic()
            service.popen.send_signal(signal.SIGTERM)
            rest = stream.read()
        service.popen.wait(10)
        assert time.monotonic() - started < 6
    assert b"shutting_down" in rest
    assert b"[DONE]" not in rest
    spans = {span.name: attributes(span.attributes) for span in receiver.spans()}
    assert spans["chat simulated"]["gaugeway.outcome"] == "shutdown"
    assert spans["POST /v1/chat/completions"]["http.response.status_code"] == 200
    records = [record for _, record in receiver.logs() if plain_body(record) == "usage recorded"]
    assert len(records) == 1


def test_the_embedded_redis_is_said_and_is_gone_after_the_service(
    tmp_path: Path, receiver: Receiver
) -> None:
    with process(tmp_path, receiver) as service:
        headers = {"cache-control": "max-age=60"}
        for expected in ("miss", "hit"):
            with service.open("/v1/chat/completions", CHAT, headers) as reply:
                assert reply.headers["x-gaugeway-cache"] == expected
        service.popen.send_signal(signal.SIGTERM)
        service.popen.wait(10)
        assert "an embedded Redis serves" in service.output.read_text()
        wait_for(lambda: not (service.home / "run" / "redis.sock").exists(), "Redis to end")
    names = {span.name for span in receiver.spans()}
    assert {"GET", "POST /v1/chat/completions"} <= names
    metrics = next(iter(receiver.metrics().values()))
    assert "db.client.operation.duration" in metrics


def test_a_wrong_setting_stops_the_start_and_is_named(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "uvicorn", "--factory", "service.app:create_app"],
        env={**os.environ, "GAUGEWAY_ENV": "hunter2", "GAUGEWAY_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.returncode != 0
    assert "GAUGEWAY_ENV" in run.stderr
    assert "hunter2" not in run.stderr


def test_no_planted_secret_leaves_the_process(tmp_path: Path, receiver: Receiver) -> None:
    planted = {
        "authorization": "Bearer gw_cccccccccccc_plantedkey0001",
        "cookie": "session=plantedcookie0002",
        "x-api-key": "plantedheader0003",
    }
    redis = "redis://user:plantedredis0004@127.0.0.1:1/0"
    with process(tmp_path, receiver, REDIS_URL=redis) as service:
        own = service.key
        path = "/v1/chat/completions?api_key=plantedquery0005"
        with pytest.raises(urllib.error.HTTPError) as refused:
            service.open(path, CHAT, planted)
        refused.value.close()
        with service.open(path, CHAT, {"cookie": planted["cookie"]}) as reply:
            assert reply.status == 200
        service.popen.send_signal(signal.SIGTERM)
        service.popen.wait(10)
        output = service.output.read_bytes()
    assert receiver.spans()
    told = receiver.everything() + output
    for needle in [
        text[text.index("planted") :].encode() for text in (*planted.values(), redis, path)
    ]:
        assert needle.split(b"@")[0] not in told, needle
    assert own.encode() not in told


def plain_body(record: Any) -> str:
    return str(record.body.string_value)


def test_a_websocket_that_is_asked_for_with_a_body_is_answered(
    tmp_path: Path, receiver: Receiver
) -> None:
    with (
        process(tmp_path, receiver) as service,
        socket.create_connection(("127.0.0.1", service.port), timeout=5) as client,
    ):
        client.sendall(
            b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nupgrade: websocket\r\n"
            b"connection: upgrade\r\nsec-websocket-version: 13\r\n"
            b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\ncontent-length: 5\r\n\r\nhello"
        )
        assert client.recv(1000).startswith(b"HTTP/1.1 401")
