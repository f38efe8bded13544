"""Writes one process's metrics as Prometheus text through opentelemetry-exporter-prometheus."""

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final, cast
from weakref import WeakMethod

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics, ScopeMetrics
from prometheus_client import CollectorRegistry, generate_latest

from otel.bootstrap.metric_reader import SharedMetricReader

# The label that tells workers apart; it is the same on OTLP.
_WORKER: Final = "service.instance.id"
# After so many lines the interpreter is given up for a moment, so that requests go on.
_LINES_AT_ONCE: Final = 100
_BREATH: Final = 0.0005


class ProcessExposition:
    """Renders this process's metrics, every series labelled with the instance it is of."""

    def __init__(self, provider: MeterProvider, reader: SharedMetricReader) -> None:
        self._provider = provider
        self._reader = reader
        self._lock = threading.Lock()
        self._owner = 0
        self._separate: Any = None
        if not reader.cumulative:
            # What a scrape took from a delta storage would be missing from the next push.
            self._separate = self._translator(target_info=True)
            provider.add_metric_reader(self._separate)
        after_fork = WeakMethod(self._begin_in_child)

        def begin_in_child() -> None:
            if begin := after_fork():
                begin()

        os.register_at_fork(after_in_child=begin_in_child)

    def render(self) -> bytes:
        """Return the text; blocks while it is written, so call it from a thread."""
        with self._lock:
            if self._separate is not None:
                return generate_latest(self._separate._registry)
            if self._owner != os.getpid():
                # The translator remembers the resource, which a fork changes.
                self._first = self._translator(target_info=True)
                self._others = self._translator(target_info=False)
                self._owner = os.getpid()
            data = self._reader.scrape()
            return merged([b"".join(self._written(data))]) if data is not None else b""

    def _begin_in_child(self) -> None:
        self._lock = threading.Lock()

    def _written(self, data: MetricsData) -> Iterator[bytes]:
        translator: Any = self._first
        for piece in _pieces(data):
            translator._receive_metrics(piece)
            yield generate_latest(translator._registry)
            translator = self._others
            time.sleep(_BREATH)

    def _translator(self, *, target_info: bool) -> Any:
        registry = CollectorRegistry(auto_describe=False)
        reader = PrometheusMetricReader(
            disable_target_info=not target_info,
            scope_info_enabled=False,
            resource_attribute_filter=lambda key: key == _WORKER,
            registry=registry,
        )
        if self._reader.cumulative:
            # It is handed the shared collection instead of asking for one of its own.
            cast(Any, reader)._collector._callback = None
        return reader


def _pieces(data: MetricsData) -> Iterator[MetricsData]:
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                points = metric.data.data_points
                step = max(1, _LINES_AT_ONCE // _lines(points[0])) if points else 1
                for start in range(0, len(points), step):
                    some = replace(
                        metric,
                        data=replace(
                            cast(Any, metric.data),
                            data_points=points[start : start + step],
                        ),
                    )
                    yield MetricsData(
                        [
                            ResourceMetrics(
                                resource.resource,
                                [ScopeMetrics(scope.scope, [some], scope.schema_url)],
                                resource.schema_url,
                            )
                        ]
                    )


def _lines(point: Any) -> int:
    return len(getattr(point, "bucket_counts", ())) + 2


def merged(texts: list[bytes]) -> bytes:
    """Join expositions so that each family stands once, with the samples of all."""
    families: dict[bytes, list[bytes]] = {}
    for text in texts:
        for block in text.split(b"# HELP ")[1:]:
            name = block.split(b" ", 1)[0]
            known = families.get(name)
            if known is None:
                families[name] = [b"# HELP " + block]
            else:
                # Without the rest of the HELP line and the TYPE line.
                known.append(block.split(b"\n", 2)[2])
    return b"".join(part for parts in families.values() for part in parts)
