"""What an OTLP receiver was sent, as far as counting needs it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otel import attributes as a
from otel.names import USAGE_BODY, Metric
from tests.otel.receiver import Receiver, attributes

INSTANCE = "service.instance.id"


@dataclass(frozen=True, slots=True)
class Received:
    """How often each trace was told of, and by which processes.

    `servers`, `inferences` and `usage_records` count SERVER spans, inference spans and usage
    records by trace id.
    """

    servers: Counter[str]
    inferences: Counter[str]
    usage_records: Counter[str]
    instances: frozenset[str]


def received(receiver: Receiver) -> Received:
    """Count what has arrived so far."""
    servers, inferences = Counter[str](), Counter[str]()
    instances: set[str] = set()
    for resource, span in receiver.spans_by_resource():
        trace_id = span.trace_id.hex()
        servers[trace_id] += span.kind == Span.SPAN_KIND_SERVER
        inferences[trace_id] += a.OPERATION_NAME in attributes(span.attributes)
        instances.add(str(resource.get(INSTANCE)))
    records = (record for _, record in receiver.logs() if record.body.string_value == USAGE_BODY)
    return Received(
        servers=+servers,
        inferences=+inferences,
        usage_records=Counter(record.trace_id.hex() for record in records),
        instances=frozenset(instances),
    )


def measurements(receiver: Receiver, histogram: Metric) -> int:
    """How many measurements a histogram has over all instances, by their last words."""
    found = [
        metrics[histogram.name]
        for metrics in receiver.metrics().values()
        if histogram.name in metrics
    ]
    return sum(point.count for metric in found for point in metric.histogram.data_points)
