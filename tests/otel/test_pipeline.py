"""The pipeline against a receiver that is there, absent, slow or failing: bounded and counted."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest
from opentelemetry.sdk.resources import Resource

from otel import names
from otel.bootstrap import pipeline
from otel.bootstrap.quiet import QuietHandler
from otel.bootstrap.settings import BootstrapSettings
from otel.inference import Operation, Telemetry, Usage
from otel.instruments import instruments_of
from tests.otel.receiver import Receiver, attributes

SETTINGS = BootstrapSettings(span_delay=0.05, log_delay=0.05, metric_interval=0.2)
# Nothing listens on the port for discarded traffic.
NOBODY = "http://127.0.0.1:9"

Build = Callable[..., pipeline.Pipeline]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Iterator[Build]:
    built: list[pipeline.Pipeline] = []

    def build_for(endpoint: str, settings: BootstrapSettings = SETTINGS) -> pipeline.Pipeline:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        built.append(pipeline.build(settings, Resource.create({"service.name": "test"})))
        return built[-1]

    yield build_for
    for each in built:
        each.shutdown(0.5)


def _telemetry(parts: pipeline.Pipeline) -> Telemetry:
    return Telemetry(
        parts.tracer_provider.get_tracer("test"),
        instruments_of(parts.meter_provider),
        parts.logger_provider.get_logger(names.USAGE_LOGGER),
    )


def _infer(telemetry: Telemetry, times: int) -> None:
    for _ in range(times):
        with telemetry.inference(Operation("chat", "simulated", "simulated")) as inference:
            inference.usage(Usage(10, 20))
            inference.cost(Decimal("0.25"))


def _lost(parts: pipeline.Pipeline, signal: str, reason: str) -> int:
    return {(s, r): count for s, r, count in parts.losses()}.get((signal, reason), 0)


def _until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_everything_arrives_within_a_second_without_a_flush(
    build: Build, receiver: Receiver
) -> None:
    parts = build(receiver.endpoint)
    _infer(_telemetry(parts), 3)
    _until(lambda: len(receiver.spans()) == 3 and len(receiver.logs()) == 3, 1)
    _until(lambda: any("gaugeway.cost" in found for found in receiver.metrics().values()))


def test_shutdown_sends_what_is_left_and_no_more_than_once(
    build: Build, receiver: Receiver
) -> None:
    parts = build(receiver.endpoint, replace(SETTINGS, span_delay=60, log_delay=60))
    _infer(_telemetry(parts), 700)
    assert parts.shutdown(5)
    assert parts.shutdown(5)
    assert len(receiver.spans()) == 700
    assert len(receiver.logs()) == 700
    (metrics,) = receiver.metrics().values()
    assert [point.as_double for point in metrics["gaugeway.cost"].sum.data_points] == [175.0]
    assert sum(count for _, _, count in parts.losses()) == 0


def test_a_flush_sends_all_signals_at_once(build: Build, receiver: Receiver) -> None:
    parts = build(
        receiver.endpoint, replace(SETTINGS, span_delay=60, log_delay=60, metric_interval=60)
    )
    _infer(_telemetry(parts), 1)
    assert parts.flush(5)
    assert len(receiver.spans()) == len(receiver.logs()) == len(receiver.metrics()) == 1


def test_an_absent_receiver_costs_no_time_and_the_end_is_quick(build: Build) -> None:
    parts = build(NOBODY)
    telemetry = _telemetry(parts)
    started = time.monotonic()
    _infer(telemetry, 500)
    assert time.monotonic() - started < 2
    started = time.monotonic()
    parts.shutdown(5)
    assert time.monotonic() - started < 5
    lost = _lost(parts, "traces", "export_failed") + _lost(parts, "traces", "shutdown")
    assert lost == 500


def test_a_receiver_that_answers_500_loses_items_that_are_counted(
    build: Build, receiver: Receiver
) -> None:
    receiver.status = 500
    parts = build(receiver.endpoint)
    _infer(_telemetry(parts), 10)
    _until(lambda: _lost(parts, "traces", "export_failed") == 10)
    _until(lambda: _lost(parts, "logs", "export_failed") == 10)
    _until(lambda: _lost(parts, "metrics", "export_failed") > 0)
    receiver.status = 200
    _until(lambda: bool(receiver.metrics()))
    _until(lambda: _dropped(receiver, "traces", "export_failed") == 10)


def _dropped(receiver: Receiver, signal: str, reason: str) -> int:
    wanted = {"gaugeway.telemetry.signal": signal, "error.type": reason}
    for metrics in receiver.metrics().values():
        for point in metrics[names.TELEMETRY_DROPPED.name].sum.data_points:
            if attributes(point.attributes) == wanted:
                return point.as_int
    return 0


def test_a_slow_receiver_fills_a_queue_that_has_an_end(build: Build, receiver: Receiver) -> None:
    receiver.delay = 10
    parts = build(receiver.endpoint, replace(SETTINGS, span_queue=100, log_queue=100))
    telemetry = _telemetry(parts)
    started = time.monotonic()
    _infer(telemetry, 1000)
    assert time.monotonic() - started < 3, "the caller must not wait for the receiver"
    assert _lost(parts, "traces", "queue_full") >= 700
    assert len(parts.spans[0]) <= 100
    started = time.monotonic()
    assert not parts.shutdown(1.5)
    assert time.monotonic() - started < 2


def test_shutdown_in_all_takes_no_longer_than_its_bound(build: Build, receiver: Receiver) -> None:
    receiver.delay = 10
    parts = build(receiver.endpoint)
    _infer(_telemetry(parts), 2000)
    started = time.monotonic()
    parts.shutdown(2)
    assert time.monotonic() - started < 2.5


def test_telemetry_after_the_end_is_counted_and_harms_nobody(
    build: Build, receiver: Receiver
) -> None:
    parts = build(receiver.endpoint)
    telemetry = _telemetry(parts)
    parts.shutdown(5)
    _infer(telemetry, 3)
    assert _lost(parts, "traces", "shutdown") == 3
    assert _lost(parts, "logs", "shutdown") == 3


def test_an_exemplar_a_scrape_took_still_reaches_the_receiver(
    build: Build, receiver: Receiver
) -> None:
    parts = build(receiver.endpoint, replace(SETTINGS, metric_interval=60))
    _infer(_telemetry(parts), 1)
    assert parts.readers[0].scrape() is not None
    parts.flush(5)
    (metrics,) = receiver.metrics().values()
    (point,) = metrics["gen_ai.client.operation.duration"].histogram.data_points
    (span,) = receiver.spans()
    assert [exemplar.trace_id for exemplar in point.exemplars] == [span.trace_id]


def test_no_redaction_is_skipped_on_the_way_out(build: Build, receiver: Receiver) -> None:
    parts = build(receiver.endpoint)
    secret = "sk-Zq8vT3mWx1Lr5Kp9"
    tracer = parts.tracer_provider.get_tracer("test")
    with tracer.start_as_current_span(f"GET /?api_key={secret}") as span:
        span.set_attribute("url", f"https://u:{secret}@host")
        span.set_attribute("http.request.header.authorization", ["opaque-but-secret"])
        span.add_event(f"bearer {secret}", {"nested": [f"key {secret}"]})
        span.record_exception(ValueError(f"refused {secret}"))
    logger = parts.logger_provider.get_logger("test")
    logger.emit(
        body={"headers": {"authorization": "opaque-but-secret"}, "text": f"got {secret}"},
        attributes={"password": "opaque-but-secret", "list": [f"x {secret}"]},
        exception=RuntimeError(f"boom {secret}"),
    )
    parts.shutdown(5)
    assert len(receiver.spans()) == len(receiver.logs()) == 1
    assert b"Zq8vT3mWx1Lr5Kp9" not in receiver.everything()
    assert b"opaque-but-secret" not in receiver.everything()


def test_repeated_failures_are_said_once_then_summed_up() -> None:
    said: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    now = [0.0]
    handler = QuietHandler(Collect(), clock=lambda: now[0])
    logger = logging.getLogger("opentelemetry.test")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        for number in (*range(50), 120):
            now[0] = number
            logger.warning("no receiver after %d s", number)
    finally:
        logger.removeHandler(handler)
    assert said == ["no receiver after 0 s", "no receiver after 120 s [and 49 more like it]"]


def test_items_put_in_from_many_threads_all_arrive(build: Build, receiver: Receiver) -> None:
    parts = build(receiver.endpoint)
    telemetry = _telemetry(parts)
    threads = [threading.Thread(target=_infer, args=(telemetry, 200)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    parts.shutdown(5)
    assert len({span.span_id for span in receiver.spans()}) == 800


def test_a_redis_command_outside_any_request_is_no_trace(build: Build, receiver: Receiver) -> None:
    parts = build(receiver.endpoint)
    tracer = parts.tracer_provider.get_tracer("opentelemetry.instrumentation.redis")
    tracer.start_span("PING").end()
    with parts.tracer_provider.get_tracer("test").start_as_current_span("request"):
        tracer.start_span("GET").end()
    parts.shutdown(5)
    assert sorted(span.name for span in receiver.spans()) == ["GET", "request"]
