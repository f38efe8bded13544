"""Hands tests what was emitted: in memory, in order, with ids that count up from one."""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from itertools import count
from typing import Any, cast
from unittest.mock import patch

from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator

from otel import names
from otel.inference import Telemetry
from otel.instruments import Instruments, share_instruments
from otel.settings import ApiSettings


class CountingIds(IdGenerator):
    """Trace and span ids 1, 2, 3, … so that a test can name them."""

    def __init__(self) -> None:
        self._traces = count(1)
        self._spans = count(1)

    def generate_trace_id(self) -> int:
        """Return the next trace id."""
        return next(self._traces)

    def generate_span_id(self) -> int:
        """Return the next span id."""
        return next(self._spans)


@dataclass(frozen=True, slots=True)
class Point:
    """One series of a metric.

    `value` is a counter's or gauge's number and a histogram's sum; `count`, `buckets` and `bounds`
    belong to histograms. `exemplars` holds (trace id, span id) pairs.
    """

    attributes: Mapping[str, Any]
    value: float
    count: int = 0
    buckets: tuple[int, ...] = ()
    bounds: tuple[float, ...] = ()
    exemplars: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    """What was emitted so far; every call reads it anew."""

    telemetry: Telemetry
    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    logger_provider: LoggerProvider
    _spans: InMemorySpanExporter
    _reader: InMemoryMetricReader
    _logs: InMemoryLogRecordExporter

    def spans(self, name: str | None = None) -> Sequence[ReadableSpan]:
        """Return ended spans in the order of their end, all or those of one name."""
        spans = self._spans.get_finished_spans()
        return spans if name is None else [span for span in spans if span.name == name]

    def logs(self, body: str | None = None) -> Sequence[ReadableLogRecord]:
        """Return log records in the order they were emitted, all or those of one body."""
        logs = self._logs.get_finished_logs()
        return logs if body is None else [log for log in logs if log.log_record.body == body]

    def metrics(self) -> Mapping[str, Sequence[Point]]:
        """Return the series of each metric that has any, cumulative since the start."""
        data = self._reader.get_metrics_data()
        found: dict[str, list[Point]] = {}
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    points = found.setdefault(metric.name, [])
                    points.extend(_point(point) for point in metric.data.data_points)
        return found

    def value(self, metric: names.Metric, **labels: object) -> float:
        """Return the sum over a metric's series whose labels match, `.` written as `_`.

        For a histogram it is the number of its values.
        """
        total = 0.0
        for point in self.metrics().get(metric.name, ()):
            spelled = {key.replace(".", "_"): value for key, value in point.attributes.items()}
            if labels.items() <= spelled.items():
                total += point.count if metric.kind is names.Kind.HISTOGRAM else point.value
        return total

    def clear(self) -> None:
        """Forget spans and logs; metrics are cumulative and stay."""
        self._spans.clear()
        self._logs.clear()


def _point(point: Any) -> Point:
    exemplars = tuple(
        (exemplar.trace_id, exemplar.span_id)
        for exemplar in point.exemplars
        if exemplar.trace_id is not None
    )
    attributes = dict(point.attributes or {})
    if hasattr(point, "bucket_counts"):
        return Point(
            attributes,
            point.sum,
            point.count,
            tuple(point.bucket_counts),
            tuple(point.explicit_bounds),
            exemplars,
        )
    return Point(attributes, point.value, exemplars=exemplars)


@contextmanager
def recorded(
    *,
    settings: ApiSettings | None = None,
    clock: Callable[[], float] = time.perf_counter,
    install: bool = False,
    strict: bool = True,
) -> Generator[Recorded]:
    """Record telemetry in memory for the time of the block.

    `install` also makes the providers the global ones meanwhile, which code that asks the API
    (FastAPI, the Redis instrumentation, `Telemetry.from_globals`) needs. `strict` turns a label
    that is not declared into an error.
    """
    resource = Resource({"service.name": "test"})
    spans, logs = InMemorySpanExporter(), InMemoryLogRecordExporter()
    reader = InMemoryMetricReader()
    tracers = TracerProvider(resource=resource, id_generator=CountingIds(), shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    meters = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    loggers = LoggerProvider(resource=resource, shutdown_on_exit=False)
    loggers.add_log_record_processor(SimpleLogRecordProcessor(logs))
    meter = meters.get_meter(names.SCOPE, schema_url=names.SCHEMA_URL)
    instruments = Instruments(meter, settings, strict=strict)
    share_instruments(meters, instruments)
    telemetry = Telemetry(
        tracers.get_tracer(names.SCOPE, schema_url=names.SCHEMA_URL),
        instruments,
        loggers.get_logger(names.USAGE_LOGGER, schema_url=names.SCHEMA_URL),
        clock=clock,
        settings=settings,
    )
    result = Recorded(telemetry, tracers, meters, loggers, spans, reader, logs)
    try:
        with _installed(tracers, meters, loggers) if install else nullcontext():
            yield result
    finally:
        tracers.shutdown()
        meters.shutdown()
        loggers.shutdown()


@contextmanager
def _installed(
    tracers: TracerProvider, meters: MeterProvider, loggers: LoggerProvider
) -> Generator[None]:
    # The API allows its global providers to be set once a process; tests need them once a test.
    with (
        patch.object(trace, "_TRACER_PROVIDER", tracers),
        patch.object(cast(Any, metrics)._internal, "_METER_PROVIDER", meters),
        patch.object(cast(Any, _logs)._internal, "_LOGGER_PROVIDER", loggers),
    ):
        yield
