"""Whether exports arrive is known at once, of receivers that fail in every way there is."""

import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from opentelemetry.sdk.resources import Resource

from otel.bootstrap import pipeline
from otel.bootstrap.batching import BatchQueue
from otel.bootstrap.export_watch import ExportWatch
from otel.bootstrap.settings import BootstrapSettings
from otel.exports import SLOW_SECONDS, ExportTrouble
from stack.credentials import TlsFiles, tls_material
from stack.home import Home
from tests.otel.raw_receiver import answering, read_request, saying, silent, thrown_away
from tests.otel.receiver import Receiver

SETTINGS = BootstrapSettings(span_delay=0.05, log_delay=0.05, metric_interval=0.2)
NOBODY = "http://127.0.0.1:9"
Build = Callable[..., pipeline.Pipeline]


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Iterator[Build]:
    built: list[pipeline.Pipeline] = []

    def build_for(
        endpoint: str, settings: BootstrapSettings = SETTINGS, **variables: str
    ) -> pipeline.Pipeline:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        built.append(pipeline.build(settings, Resource.create({"service.name": "test"})))
        return built[-1]

    yield build_for
    for each in built:
        each.shutdown(0.5)


def troubles(parts: pipeline.Pipeline) -> dict[str, tuple[str, str]]:
    found = parts.exporters.troubles()
    assert found is not None
    return {one.signal: (one.trouble, one.detail) for one in found}


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def emit(parts: pipeline.Pipeline) -> None:
    """One span and one log record."""
    with parts.tracer_provider.get_tracer("test").start_as_current_span("one"):
        parts.logger_provider.get_logger("test").emit(body="one")


def lost(parts: pipeline.Pipeline, signal: str) -> int:
    wanted = (signal, "export_failed")
    return sum(count for of, reason, count in parts.losses() if (of, reason) == wanted)


def test_nothing_is_wrong_before_the_first_export_and_after_those_that_arrive(
    build: Build,
) -> None:
    with Receiver() as receiver:
        parts = build(receiver.endpoint, replace(SETTINGS, metric_interval=60))
        assert troubles(parts) == {}
        emit(parts)
        until(lambda: receiver.spans() and receiver.logs())
        assert troubles(parts) == {}


def test_a_receiver_that_never_answers_is_in_trouble_before_the_sdk_gives_up(
    build: Build,
) -> None:
    with answering(silent) as endpoint:
        parts = build(endpoint, OTEL_EXPORTER_OTLP_TIMEOUT="60")
        emit(parts)
        until(lambda: set(troubles(parts)) == {"traces", "metrics", "logs"})
        assert {trouble for trouble, _ in troubles(parts).values()} == {"timeout"}
        assert lost(parts, "traces") == 0


def test_and_after_it_gave_up_as_well(build: Build) -> None:
    with answering(silent) as endpoint:
        parts = build(endpoint)
        emit(parts)
        until(lambda: lost(parts, "traces") == 1)
        assert troubles(parts)["traces"][0] == "timeout"


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 413, 429, 500, 502, 503])
def test_a_receiver_that_refuses_is_in_trouble_by_its_status(build: Build, status: int) -> None:
    with answering(saying(f"{status} No", b"sorry", "text/plain")) as endpoint:
        parts = build(endpoint)
        emit(parts)
        until(lambda: len(troubles(parts)) == 3)
        assert troubles(parts)["traces"] == ("refused", f"HTTP {status}")
        until(lambda: lost(parts, "traces") == 1)


def test_one_that_throws_all_away_is_in_trouble_and_what_is_lost_is_counted(build: Build) -> None:
    with answering(saying("200 OK", thrown_away(10**6))) as endpoint:
        parts = build(endpoint)
        emit(parts)
        until(lambda: len(troubles(parts)) == 3)
        assert troubles(parts)["traces"] == ("rejected", "1000000 of 1 items")
        assert lost(parts, "traces") == lost(parts, "logs") == 1
        assert lost(parts, "metrics") >= 1


def test_one_that_throws_a_part_away_is_well_and_what_is_lost_is_counted(
    build: Build, caplog: pytest.LogCaptureFixture
) -> None:
    with answering(saying("200 OK", thrown_away(1))) as endpoint:
        parts = build(endpoint, replace(SETTINGS, span_delay=60, metric_interval=60, logs=()))
        for _ in range(3):
            emit(parts)
        assert parts.flush(10)
        assert "traces" not in troubles(parts)
        assert lost(parts, "traces") == 1
    assert "threw away 1 of 3 items: too old" in caplog.text


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"{}", "application/json"), (b"OK", "text/plain"), (b"\xff\xff", "application/x-protobuf")],
)
def test_an_answer_that_says_nothing_of_losses_is_one_of_success(
    build: Build, body: bytes, kind: str
) -> None:
    with answering(saying("200 OK", body, kind)) as endpoint:
        parts = build(endpoint, replace(SETTINGS, span_delay=60))
        emit(parts)
        assert parts.flush(10)
        assert troubles(parts) == {}
        assert lost(parts, "traces") == 0


def test_nobody_there_is_unreachable(build: Build) -> None:
    parts = build(NOBODY)
    emit(parts)
    until(lambda: len(troubles(parts)) == 3)
    assert troubles(parts)["logs"][0] == "unreachable"


def test_a_certificate_that_is_not_trusted_is_told_apart(build: Build, tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.prepare()
    tls = tls_material(home, TlsFiles(), datetime.now(UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate, tls.key)

    def answer(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            saying("200 OK")(secured)

    with answering(answer) as endpoint:
        secure = endpoint.replace("http:", "https:")
        parts = build(secure)
        emit(parts)
        until(lambda: len(troubles(parts)) == 3)
        assert troubles(parts)["traces"] == ("untrusted", "SSLError")


def test_one_signal_alone_can_be_in_trouble(build: Build) -> None:
    def answer(connection: socket.socket) -> None:
        while path := read_request(connection):
            status = b"404 Not Found" if path == b"/v1/traces" else b"200 OK"
            connection.sendall(b"HTTP/1.1 %s\r\ncontent-length: 0\r\n\r\n" % status)

    with answering(answer) as endpoint:
        parts = build(endpoint)
        emit(parts)
        until(lambda: troubles(parts))
        until(lambda: lost(parts, "traces") == 1)
        assert set(troubles(parts)) == {"traces"}


def test_trouble_is_over_when_an_export_arrives_again(build: Build) -> None:
    with Receiver() as receiver:
        receiver.status = 500
        parts = build(receiver.endpoint)
        emit(parts)
        until(lambda: len(troubles(parts)) == 3)
        receiver.status = 200
        emit(parts)
        until(lambda: troubles(parts) == {})


def test_while_there_is_nothing_to_send_an_empty_batch_shows_that_trouble_is_over() -> None:
    sizes: list[int] = []
    down = True

    def send(batch: Sequence[int]) -> int:
        sizes.append(len(batch))
        return len(batch) if down else 0

    queue = BatchQueue[int](
        "test",
        send,
        limit=10,
        batch=10,
        delay=0.01,
        in_trouble=lambda: down and bool(sizes),
        probe_seconds=0.01,
    )
    queue.put(1)
    until(lambda: sizes[:3] == [1, 0, 0])
    down = False
    time.sleep(0.1)
    seen = len(sizes)
    time.sleep(0.1)
    assert len(sizes) == seen
    assert queue.dropped["export_failed"] == 1
    queue.stop()


class Clock:
    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_an_export_that_took_long_is_slow_until_one_does_not() -> None:
    clock = Clock()
    watch = ExportWatch("traces", clock=clock)
    with watch.under_way():
        clock.seconds += SLOW_SECONDS
        assert watch.trouble is None
        clock.seconds += 5
        assert watch.trouble == ExportTrouble("traces", "timeout", "no answer for 10 s")
    assert watch.trouble == ExportTrouble("traces", "slow", "10 s")
    clock.seconds += 3600
    assert watch.trouble == ExportTrouble("traces", "slow", "10 s")
    with watch.under_way():
        clock.seconds += 1
    assert watch.trouble is None


def test_a_forked_child_begins_without_its_parents_troubles() -> None:
    watch = ExportWatch("traces")
    watch.failed("refused", "HTTP 500")
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, b"none" if watch.trouble is None else b"some")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 4) == b"none"
    assert watch.trouble is not None
    os.close(read)
    os.close(write)


def test_where_nothing_is_exported_over_otlp_nobody_knows(
    build: Build, capsys: pytest.CaptureFixture[str]
) -> None:
    console = replace(SETTINGS, traces=("console",), metrics=(), logs=())
    assert build(NOBODY, console).exporters.troubles() is None


def test_a_shutdown_beside_a_receiver_that_never_answers_ends_and_says_so(build: Build) -> None:
    with answering(silent) as endpoint:
        parts = build(endpoint, OTEL_EXPORTER_OTLP_TIMEOUT="60")
        emit(parts)
        until(lambda: troubles(parts))
        assert not parts.shutdown(1)
