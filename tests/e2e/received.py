"""What an OTLP receiver was sent, as far as counting needs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel.names import USAGE_BODY

INSTANCE = "service.instance.id"


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """One span: its trace, its kind as the API names it, its attributes, who sent it."""

    trace_id: str
    kind: str
    attributes: Mapping[str, Any]
    instance: str


@dataclass(frozen=True, slots=True)
class ReceivedLog:
    """One log record: its trace, its body, its attributes."""

    trace_id: str
    body: Any
    attributes: Mapping[str, Any]


def spans(requests: Iterable[ExportTraceServiceRequest]) -> list[ReceivedSpan]:
    """Every span of every request, in the order of arrival."""
    return [
        ReceivedSpan(
            span.trace_id.hex(),
            Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
            _attributes(span.attributes),
            str(_attributes(batch.resource.attributes).get(INSTANCE)),
        )
        for request in requests
        for batch in request.resource_spans
        for scope in batch.scope_spans
        for span in scope.spans
    ]


def usage_records(requests: Iterable[ExportLogsServiceRequest]) -> list[ReceivedLog]:
    """Every usage record of every request, in the order of arrival."""
    records = (
        ReceivedLog(record.trace_id.hex(), _value(record.body), _attributes(record.attributes))
        for request in requests
        for batch in request.resource_logs
        for scope in batch.scope_logs
        for record in scope.log_records
    )
    return [record for record in records if record.body == USAGE_BODY]


def histogram_count(requests: Sequence[ExportMetricsServiceRequest], name: str) -> int:
    """How many measurements a cumulative histogram has, over all instances: their last words."""
    last: dict[tuple[str, str], int] = {}
    for request in requests:
        for instance, metric in _metrics(request):
            if metric.name != name:
                continue
            for point in metric.histogram.data_points:
                labels = str(sorted(_attributes(point.attributes).items()))
                last[instance, labels] = point.count
    return sum(last.values())


def _metrics(request: ExportMetricsServiceRequest) -> Iterator[tuple[str, Metric]]:
    for batch in request.resource_metrics:
        instance = str(_attributes(batch.resource.attributes).get(INSTANCE))
        for scope in batch.scope_metrics:
            for metric in scope.metrics:
                yield instance, metric


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    return None if kind is None else getattr(value, kind)
