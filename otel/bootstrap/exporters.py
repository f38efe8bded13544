"""Builds the exporters that the standard variables ask for, each behind redaction."""

from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any, Literal, cast

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
from otel.bootstrap.transport import ExportTransport, transport_for

Signal = Literal["traces", "metrics", "logs"]
_OTLP: dict[Signal, Callable[..., Any]] = {
    "traces": OTLPSpanExporter,
    "metrics": OTLPMetricExporter,
    "logs": OTLPLogExporter,
}


class Exporters:
    """The exporters of one process and the transports that some of them send over."""

    def __init__(self, environment: Mapping[str, str], cleaner: Cleaner) -> None:
        self._environment = environment
        self._cleaner = cleaner
        self._own_metrics: list[Any] = []
        self._sending: list[tuple[ExportTransport, Any]] = []

    def send_spans(self, name: str) -> Callable[[Sequence[ReadableSpan]], bool]:
        """Return how to send spans with the named exporter."""
        exporter = cast(SpanExporter, self._build("traces", name))
        clean = self._cleaner.span

        def send(spans: Sequence[ReadableSpan]) -> bool:
            return exporter.export([clean(span) for span in spans]) is SpanExportResult.SUCCESS

        return send

    def send_logs(self, name: str) -> Callable[[Sequence[ReadableLogRecord]], bool]:
        """Return how to send log records with the named exporter."""
        exporter = cast(LogRecordExporter, self._build("logs", name))
        clean = self._cleaner.record

        def send(records: Sequence[ReadableLogRecord]) -> bool:
            result = exporter.export([clean(record) for record in records])
            return result is LogRecordExportResult.SUCCESS

        return send

    def metrics(self, name: str) -> MetricExporter:
        """Return the named metric exporter."""
        return cast(MetricExporter, self._build("metrics", name))

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

    def _build(self, signal: Signal, name: str) -> Any:
        if name == "otlp":
            protocol = self._protocol(signal)
            name = "otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http"
        if name == "otlp_proto_http":
            transport = transport_for(signal, self._environment)
            exporter = _OTLP[signal](_transport=transport)
            if hasattr(exporter, "set_meter_provider"):
                self._own_metrics.append(exporter)
            self._sending.append((transport, exporter))
            return exporter
        group = f"opentelemetry_{signal}_exporter"
        for entry_point in entry_points(group=group, name=name):
            return entry_point.load()()
        raise LookupError(
            f"OTEL_{signal.upper()}_EXPORTER names {name!r}, which no installed package provides; "
            f"install one that does, or use otlp, console or none"
        )

    def _protocol(self, signal: Signal) -> str:
        values = self._environment
        own = values.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL", "")
        return (own or values.get("OTEL_EXPORTER_OTLP_PROTOCOL", "")).strip()
