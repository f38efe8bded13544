"""With many workers nothing is lost or doubled, and one scrape tells of all of them."""

import contextlib
import http.client
import json
import os
import re
import resource
import signal
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel import names
from otel.bootstrap.workers import Workers
from otel.names import USAGE_BODY
from tests.otel.processes import Application, instrumented, until
from tests.otel.receiver import Receiver

APP = "tests.otel.gateway_app:app"
GUNICORN = ("gunicorn", "--worker-class", "asgi", "--bind", "127.0.0.1:{port}", "--workers", "3")
SERVERS = {
    "uvicorn": instrumented("uvicorn", "--port", "{port}", "--workers", "4", APP),
    "gunicorn": instrumented(*GUNICORN, APP),
    "gunicorn --preload": instrumented(*GUNICORN, "--preload", APP),
}
REQUESTS = 150


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def _costs(exposition: str) -> dict[str, float]:
    pattern = rf'^{names.COST.prometheus}{{.*service_instance_id="([^"]+)".*}} (.+)$'
    return {
        instance: float(value)
        for instance, value in re.findall(pattern, exposition, flags=re.MULTILINE)
    }


@pytest.mark.parametrize("server", SERVERS)
def test_workers_tell_themselves_apart_and_add_up(
    tmp_path: Path, receiver: Receiver, server: str
) -> None:
    with Application(SERVERS[server], tmp_path, endpoint=receiver.endpoint) as app:
        workers: Counter[int] = Counter()

        def several_answer() -> bool:
            workers[json.loads(app.get("/infer")[1])["process"]] += 1
            return len(workers) >= 3

        until(several_answer, 30)
        while workers.total() < REQUESTS:
            several_answer()
        total = workers.total()
        scraped = _costs(app.get("/metrics")[1])
        assert sum(scraped.values()) == total * 0.25
        assert len(scraped) == len(workers)
        app.stop()
    spans = receiver.spans_by_resource()
    by_instance = Counter(str(resource["service.instance.id"]) for resource, _ in spans)
    assert len(spans) == 2 * total, "a server span and an inference span a request"
    assert len({span.span_id for _, span in spans}) == 2 * total
    assert sorted(by_instance.values()) == sorted(2 * count for count in workers.values())
    assert sum(log.body.string_value == "usage recorded" for _, log in receiver.logs()) == total
    pushed = {
        instance: sum(point.as_double for point in metrics[names.COST.name].sum.data_points)
        for instance, metrics in receiver.metrics().items()
        if names.COST.name in metrics
    }
    assert pushed == scraped


def test_a_worker_that_died_leaves_the_scrape(tmp_path: Path, receiver: Receiver) -> None:
    with Application(SERVERS["gunicorn"], tmp_path, endpoint=receiver.endpoint) as app:
        victim = json.loads(app.get("/infer")[1])["process"]
        before = _costs(app.get("/metrics")[1])
        os.kill(victim, signal.SIGKILL)

        def is_gone() -> bool:
            return not set(before) & set(_costs(app.get("/metrics")[1]))

        until(is_gone)
        # gunicorn loses a SIGTERM that a worker gets while it starts.
        until(lambda: app.output.count("server listening") == 4)
        app.stop()
    assert not list(tmp_path.glob("gaugeway-otel-*/*/*.sock"))


@pytest.mark.parametrize("server", ["uvicorn", "gunicorn"])
def test_a_sigterm_under_load_loses_nothing(
    tmp_path: Path, receiver: Receiver, server: str
) -> None:
    answered: list[int] = []

    def ask(app: Application) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            while True:
                status, _ = app.get("/infer")
                answered.append(status)

    with Application(SERVERS[server], tmp_path, endpoint=receiver.endpoint) as app:
        askers = [threading.Thread(target=ask, args=(app,)) for _ in range(6)]
        for asker in askers:
            asker.start()
        until(lambda: len(answered) > 300, 90)
        app.stop()
        for asker in askers:
            asker.join(10)
    assert set(answered) == {200}
    server_spans = [span for span in receiver.spans() if span.kind == Span.SPAN_KIND_SERVER]
    inference_spans = [span for span in receiver.spans() if span.kind == Span.SPAN_KIND_CLIENT]
    usage_records = [log for _, log in receiver.logs() if log.body.string_value == USAGE_BODY]
    # A request that was answered while its client's connection broke is one span more.
    assert len(answered) <= len(server_spans) <= len(answered) + len(askers)
    assert len(server_spans) == len(inference_spans) == len(usage_records)


def test_a_worker_that_had_too_many_files_open_tells_its_metrics_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    workers = Workers(tmp_path / "sockets", "app", lambda: b"told")
    path = tmp_path / "sockets" / "app" / f"{os.getpid()}.sock"

    def ask() -> socket.socket:
        asking = socket.socket(socket.AF_UNIX)
        asking.settimeout(10)
        return asking

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ask() as first, ask() as second:
        # Who waits in accept has a descriptor already; the next time there is none.
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
        try:
            first.connect(str(path))
            until(lambda: "Too many open files" in caplog.text, 10)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert first.recv(64) == b"told"
        second.connect(str(path))
        assert second.recv(64) == b"told"
    workers.close()
    assert len(caplog.records) == 1
