"""Builds the exporters that the standard variables ask for, each behind redaction."""

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Any, Final, Literal, cast

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import MeterProvider
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics.export import MetricExporter
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from otel.bootstrap.cleaning import Cleaner
from otel.bootstrap.export_watch import ExportWatch
from otel.bootstrap.sending import Sender, WatchedMetricExporter, Way
from otel.bootstrap.transport import ExportTransport, transport_for
from otel.exports import ExportTrouble

Signal = Literal["traces", "metrics", "logs"]
_OTLP: dict[Signal, Callable[..., Any]] = {
    "traces": OTLPSpanExporter,
    "metrics": OTLPMetricExporter,
    "logs": OTLPLogExporter,
}
_OVER_OTLP: Final = frozenset({"otlp_proto_http", "otlp_proto_grpc"})


class Exporters:
    """The exporters of one process, and what becomes of what they send."""

    def __init__(self, environment: Mapping[str, str], cleaner: Cleaner) -> None:
        self._environment = environment
        self._cleaner = cleaner
        self._own_metrics: list[Any] = []
        self._sending: list[tuple[ExportTransport, Any]] = []
        self._watches: list[ExportWatch] = []

    def troubles(self) -> tuple[ExportTrouble, ...] | None:
        """What is wrong with exports over OTLP; None where there are none."""
        if not self._watches:
            return None
        found = (watch.trouble for watch in self._watches)
        return tuple(trouble for trouble in found if trouble is not None)

    def send_spans(self, name: str) -> Sender[ReadableSpan]:
        """Return how to send spans with the named exporter."""
        exporter, way = self._build("traces", name)
        export, clean = cast(SpanExporter, exporter).export, self._cleaner.span
        return Sender(
            way,
            lambda spans: export([clean(span) for span in spans]) is SpanExportResult.SUCCESS,
        )

    def send_logs(self, name: str) -> Sender[ReadableLogRecord]:
        """Return how to send log records with the named exporter."""
        exporter, way = self._build("logs", name)
        export, clean = cast(LogRecordExporter, exporter).export, self._cleaner.record
        return Sender(
            way,
            lambda records: (
                export([clean(record) for record in records]) is LogRecordExportResult.SUCCESS
            ),
        )

    def metrics(self, name: str) -> MetricExporter:
        """Return the named metric exporter."""
        exporter, way = self._build("metrics", name)
        return WatchedMetricExporter(cast(MetricExporter, exporter), way)

    def tell_of_themselves(self, provider: MeterProvider) -> None:
        """Have the exporters' own metrics, where they are switched on, recorded here."""
        for exporter in self._own_metrics:
            exporter.set_meter_provider(provider)

    def hurry(self, deadline: float) -> None:
        """Let no request last beyond this moment of the monotonic clock.

        Where the last request failed, nothing more is tried: waiting for a receiver that is not
        there would only delay the end.
        """
        for transport, exporter in self._sending:
            transport.hurry(deadline)
            if transport.failing:
                exporter.shutdown()

    def _build(self, signal: Signal, name: str) -> tuple[Any, Way]:
        if name == "otlp":
            protocol = self._protocol(signal)
            name = "otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http"
        watch = ExportWatch(signal) if name in _OVER_OTLP else None
        if watch is not None:
            self._watches.append(watch)
        if watch is not None and name == "otlp_proto_http":
            transport = transport_for(signal, self._environment, watch)
            exporter = _OTLP[signal](_transport=transport)
            if hasattr(exporter, "set_meter_provider"):
                self._own_metrics.append(exporter)
            self._sending.append((transport, exporter))
            return exporter, Way(signal, transport, watch)
        group = f"opentelemetry_{signal}_exporter"
        for entry_point in entry_points(group=group, name=name):
            return entry_point.load()(), Way(signal, None, watch)
        raise LookupError(
            f"OTEL_{signal.upper()}_EXPORTER names {name!r}, which no installed package provides; "
            f"install one that does, or use otlp, console or none"
        )

    def _protocol(self, signal: Signal) -> str:
        values = self._environment
        own = values.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL", "")
        return (own or values.get("OTEL_EXPORTER_OTLP_PROTOCOL", "")).strip()
