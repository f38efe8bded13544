"""One collection of the metrics for both roads out: pushed on an interval, asked for by a scrape.

A second reader would make every measurement cost twice. As all sums are cumulative, a scrape may
read the same storage: only the exemplars it takes are kept and given to the next push.
"""

import logging
import os
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, cast
from weakref import WeakMethod

from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
    MetricReader,
    MetricsData,
)

_logger = logging.getLogger("opentelemetry.gaugeway.metrics")
_COLLECT_TIMEOUT = 10.0


class SharedMetricReader(MetricReader):
    """Collects every `interval` seconds for an exporter, and whenever `scrape` is called."""

    def __init__(self, exporter: MetricExporter | None, *, interval: float) -> None:
        super().__init__(
            preferred_temporality=getattr(exporter, "_preferred_temporality", None),
            preferred_aggregation=getattr(exporter, "_preferred_aggregation", None),
        )
        self.dropped: dict[str, int] = {"export_failed": 0, "shutdown": 0}
        self._exporter = exporter
        self._interval = interval
        self._stopped = False
        self._begin()
        after_fork = WeakMethod(self._begin)

        def begin_again() -> None:
            if begin := after_fork():
                begin()

        os.register_at_fork(after_in_child=begin_again)

    @property
    def cumulative(self) -> bool:
        """Whether a scrape may share this reader's storage without taking anything from a push."""
        return all(
            temporality is AggregationTemporality.CUMULATIVE
            for temporality in self._instrument_class_temporality.values()
        )

    def scrape(self) -> MetricsData | None:
        """Collect now and return the metrics; blocks for the time that takes."""
        with self.collecting:
            data = self._collected()
            if data is not None:
                self._hold_exemplars(data)
            return data

    def flush(self, timeout: float) -> bool:
        """Push now; say whether that was done within so many seconds."""
        if self._stopped or not self._thread.is_alive():
            return False
        pushed = threading.Event()
        self._flushes.append(pushed)
        self._wake.set()
        return pushed.wait(timeout)

    def stop(self) -> None:
        """Push a last time and end; `join` waits for it."""
        self._stopped = True
        self._wake.set()

    def join(self, deadline: float) -> bool:
        """Wait until the last push was done or until this moment of the monotonic clock."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return not self._thread.is_alive()

    def start_over(self, provider: MeterProvider) -> None:
        """Forget all sums, in a forked child: they are the parent's to report."""
        provider.remove_metric_reader(self)
        provider.add_metric_reader(self)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Stop taking measurements; the pipeline waits for the last push."""

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Push now."""
        return self.flush(timeout_millis / 1000)

    def _begin(self) -> None:
        self.collecting = threading.RLock()
        self._taken: MetricsData | None = None
        self._last_pushed = False
        self._held: dict[tuple[str, str], dict[str, list[Any]]] = {}
        self._flushes: list[threading.Event] = []
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="otel-metrics", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with suppress_instrumentation():
            while not self._stopped:
                self._wake.wait(self._interval)
                self._wake.clear()
                self._push()
            if not self._last_pushed:
                self._push()

    def _push(self) -> None:
        self._last_pushed = self._stopped
        flushes, self._flushes = self._flushes, []
        if self._exporter is not None:
            with self.collecting:
                data = self._collected()
                if data is not None and self._held:
                    self._give_exemplars(data)
            if data is not None and not self._delivered(self._exporter, data):
                self.dropped["export_failed"] += 1
        for flush in flushes:
            flush.set()

    def _delivered(self, exporter: MetricExporter, data: MetricsData) -> bool:
        try:
            return cast(Any, exporter).export(data) is MetricExportResult.SUCCESS
        except Exception as error:  # no exporter may end the thread
            _logger.warning("Sending metrics failed: %s: %s", type(error).__name__, error)
            return False

    def _collected(self) -> MetricsData | None:
        self._taken = None
        try:
            self.collect(timeout_millis=_COLLECT_TIMEOUT * 1000)
        except Exception as error:  # a foreign callback may raise anything
            _logger.warning("Collecting metrics failed: %s: %s", type(error).__name__, error)
        taken, self._taken = self._taken, None
        return taken

    def _receive_metrics(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> None:
        self._taken = metrics_data

    def _hold_exemplars(self, data: MetricsData) -> None:
        for scope, metric in _metrics(data):
            for point in metric.data.data_points:
                if point.exemplars:
                    held = self._held.setdefault((scope, metric.name), {})
                    labels = _labels(point)
                    # A few are enough for one push.
                    held[labels] = [*point.exemplars, *held.get(labels, ())][:16]

    def _give_exemplars(self, data: MetricsData) -> None:
        held, self._held = self._held, {}
        for scope, metric in _metrics(data):
            waiting = held.get((scope, metric.name))
            for point in metric.data.data_points if waiting else ():
                exemplars = waiting.get(_labels(point)) if waiting else None
                if exemplars:
                    point.exemplars.extend(exemplars)


def _metrics(data: MetricsData) -> Iterator[tuple[str, Any]]:
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                yield scope.scope.name, metric


def _labels(point: Any) -> str:
    attributes = cast(Mapping[str, Any], point.attributes or {})
    return repr(sorted(attributes.items()))
