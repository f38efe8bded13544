"""Sends with an exporter and says how much of it was lost, as far as the receiver tells."""

import logging
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any, Generic, TypeVar, cast

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData

from otel.bootstrap.export_watch import ExportWatch
from otel.bootstrap.transport import ExportTransport

_logger = logging.getLogger("opentelemetry.gaugeway.sending")

Item = TypeVar("Item")


class Way:
    """How one signal leaves: over HTTP by a transport that is watched, or by other means.

    What goes over OTLP otherwise is watched here. `watch` is None where it does not go to a
    receiver, as to the console.
    """

    def __init__(
        self, signal: str, transport: ExportTransport | None, watch: ExportWatch | None
    ) -> None:
        self._signal = signal
        self._transport = transport
        self._watch = watch

    @property
    def in_trouble(self) -> bool:
        """Whether the last export did not arrive."""
        return self._watch is not None and self._watch.trouble is not None

    def lost(self, export: Callable[[], bool], count: Callable[[], int]) -> int:
        """Export; how many items were lost of so many."""
        watched_here = self._watch if self._transport is None else None
        with watched_here.under_way() if watched_here else nullcontext():
            delivered = export()
            if not delivered and watched_here:
                watched_here.failed("refused", "its exporter gave up")
        if not delivered:
            return count()
        return 0 if self._transport is None else self._rejected(self._transport, count)

    def _rejected(self, transport: ExportTransport, count: Callable[[], int]) -> int:
        rejected = transport.rejected
        if rejected == 0:
            return 0
        sent = count()
        _logger.warning(
            "The receiver of %s threw away %d of %d items: %s",
            self._signal,
            rejected,
            sent,
            transport.rejection[:200],
        )
        if rejected >= sent and self._watch is not None:
            self._watch.failed("rejected", f"{rejected} of {sent} items")
        return min(rejected, sent)


class Sender(Generic[Item]):
    """Sends batches of items one way; called with a batch, says how many of them were lost."""

    def __init__(self, way: Way, export: Callable[[Sequence[Item]], bool]) -> None:
        self._way = way
        self._export = export

    @property
    def in_trouble(self) -> bool:
        """Whether the last batch did not arrive."""
        return self._way.in_trouble

    def __call__(self, batch: Sequence[Item]) -> int:
        """Send a batch; an empty one only shows whether anything arrives."""
        return self._way.lost(lambda: self._export(batch), lambda: len(batch))


class WatchedMetricExporter(MetricExporter):
    """A metric exporter that fails where its receiver threw something away."""

    def __init__(self, exporter: MetricExporter, way: Way) -> None:
        self._inner = inner = cast(Any, exporter)
        super().__init__(
            preferred_temporality=inner._preferred_temporality,
            preferred_aggregation=inner._preferred_aggregation,
        )
        self._way = way

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Send one collection."""

        def export() -> bool:
            result = self._inner.export(metrics_data, timeout_millis, **kwargs)
            return result is MetricExportResult.SUCCESS

        lost = self._way.lost(export, lambda: max(1, _points(metrics_data)))
        return MetricExportResult.FAILURE if lost else MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Send what the exporter holds back."""
        return bool(self._inner.force_flush(timeout_millis))

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """End the exporter."""
        self._inner.shutdown(timeout_millis, **kwargs)


def _points(data: MetricsData) -> int:
    return sum(
        len(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )
