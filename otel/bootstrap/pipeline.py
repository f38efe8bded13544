"""The providers and what hangs on them, started together and stopped together within a bound."""

import logging
import os
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider

from otel import attributes as a
from otel.bootstrap.batching import BatchQueue
from otel.bootstrap.cleaning import Cleaner
from otel.bootstrap.exporters import Exporters
from otel.bootstrap.metric_reader import SharedMetricReader
from otel.bootstrap.processors import QueueingLogProcessor, QueueingSpanProcessor
from otel.bootstrap.propagation import bound_propagation
from otel.bootstrap.sampling import sampler
from otel.bootstrap.settings import BootstrapSettings, environment
from otel.instruments import instruments_of
from otel.labels import Labels

_logger = logging.getLogger("opentelemetry.gaugeway.pipeline")


@dataclass(slots=True)
class Pipeline:
    """Everything between the API and the exporters."""

    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    logger_provider: LoggerProvider
    exporters: Exporters
    spans: list[BatchQueue[ReadableSpan]]
    logs: list[BatchQueue[ReadableLogRecord]]
    readers: list[SharedMetricReader]
    _stopping: threading.Lock = field(default_factory=threading.Lock)
    _stopped: bool = False

    def flush(self, timeout: float) -> bool:
        """Send what was recorded so far; say whether all of it was tried within so many seconds."""
        deadline = time.monotonic() + timeout
        parts: list[Any] = [*self.spans, *self.logs, *self.readers]
        # Each part is asked, also after one that was too slow.
        done = [part.flush(max(0.0, deadline - time.monotonic())) for part in parts]
        return all(done)

    def shutdown(self, timeout: float) -> bool:
        """Send what is left and stop, all signals at once; never takes longer than the timeout.

        Says whether everything was sent. A second call does nothing.
        """
        with self._stopping:
            if self._stopped:
                return True
            self._stopped = True
        deadline = time.monotonic() + timeout
        self.exporters.hurry(deadline)
        # The queues end before the metrics, so that the last push tells of their last drops.
        queues: list[Any] = [*self.spans, *self.logs]
        for queue in queues:
            queue.stop()
        almost = deadline - timeout / 5
        done = [queue.join(almost) for queue in queues]
        for reader in self.readers:
            reader.stop()
        done += [reader.join(deadline) for reader in self.readers]
        lost = sum(count for _, _, count in self.losses())
        if lost:
            _logger.warning("%d items of telemetry were lost since the start", lost)
        return all(done)

    def losses(self) -> Iterable[tuple[str, str, int]]:
        """List what was lost since the start: signal, reason, number of items."""
        parts: list[tuple[str, Mapping[str, int]]] = [
            *(("traces", queue.dropped) for queue in self.spans),
            *(("logs", queue.dropped) for queue in self.logs),
            *(("metrics", reader.dropped) for reader in self.readers),
        ]
        totals: dict[tuple[str, str], int] = {}
        for signal, dropped in parts:
            for reason, count in dropped.items():
                totals[signal, reason] = totals.get((signal, reason), 0) + count
        return [(signal, reason, count) for (signal, reason), count in totals.items()]

    def forget_parent(self) -> None:
        """Start from nothing in a forked child; what the parent recorded is the parent's."""
        for reader in self.readers:
            reader.start_over(self.meter_provider)


def build(settings: BootstrapSettings, resource: Resource) -> Pipeline:
    """Build the providers with all that hangs on them."""
    cleaner = Cleaner(
        settings.capture, limits=settings.value_limits, server_names=settings.server_names
    )
    exporters = Exporters(environment(), cleaner)
    readers = [
        SharedMetricReader(exporters.metrics(name), interval=settings.metric_interval)
        for name in settings.metrics
    ]
    if not readers and settings.prometheus_port is not None:
        readers = [SharedMetricReader(None, interval=settings.metric_interval)]
    meters = MeterProvider(readers, resource=resource, shutdown_on_exit=False)
    exporters.tell_of_themselves(meters)
    tracers = TracerProvider(
        sampler=sampler(environment()),
        resource=resource,
        shutdown_on_exit=False,
        meter_provider=meters,
    )
    loggers = LoggerProvider(resource=resource, shutdown_on_exit=False, meter_provider=meters)
    spans = [_span_queue(settings, exporters, name) for name in settings.traces]
    for span_queue in spans:
        tracers.add_span_processor(QueueingSpanProcessor(span_queue))
    logs = [_log_queue(settings, exporters, name) for name in settings.logs]
    for log_queue in logs:
        loggers.add_log_record_processor(QueueingLogProcessor(log_queue))
    pipeline = Pipeline(tracers, meters, loggers, exporters, spans, logs, readers)
    _count_losses(pipeline)
    _guard_forks(pipeline)
    return pipeline


def install(pipeline: Pipeline) -> None:
    """Make the providers those of the OpenTelemetry API; it takes them once a process."""
    metrics.set_meter_provider(pipeline.meter_provider)
    trace.set_tracer_provider(pipeline.tracer_provider)
    _logs.set_logger_provider(pipeline.logger_provider)
    bound_propagation()


def _span_queue(
    settings: BootstrapSettings, exporters: Exporters, name: str
) -> BatchQueue[ReadableSpan]:
    sender = exporters.send_spans(name)
    return BatchQueue(
        "traces",
        sender,
        in_trouble=lambda: sender.in_trouble,
        limit=settings.span_queue,
        batch=settings.span_batch,
        delay=settings.span_delay,
    )


def _log_queue(
    settings: BootstrapSettings, exporters: Exporters, name: str
) -> BatchQueue[ReadableLogRecord]:
    sender = exporters.send_logs(name)
    return BatchQueue(
        "logs",
        sender,
        in_trouble=lambda: sender.in_trouble,
        limit=settings.log_queue,
        batch=settings.log_batch,
        delay=settings.log_delay,
    )


def _count_losses(pipeline: Pipeline) -> None:
    def observe() -> Iterable[tuple[float, Labels]]:
        for signal, reason, count in pipeline.losses():
            yield count, {a.TELEMETRY_SIGNAL: signal, a.ERROR_TYPE: reason}

    instruments_of(pipeline.meter_provider).observe_telemetry_dropped(observe)


def _guard_forks(pipeline: Pipeline) -> None:
    """Fork only between collections: a lock of the SDK held at that moment would stay held."""
    held: list[Any] = []

    def before() -> None:
        for reader in pipeline.readers:
            if reader.collecting.acquire(timeout=1):
                held.append(reader.collecting)

    def after_in_parent() -> None:
        while held:
            held.pop().release()

    def after_in_child() -> None:
        held.clear()
        pipeline.forget_parent()

    os.register_at_fork(
        before=before, after_in_parent=after_in_parent, after_in_child=after_in_child
    )
