"""The span and log processors: they put finished items into a bounded queue."""

import copy

from opentelemetry.context import Context
from opentelemetry.sdk._logs import LogRecordProcessor, ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor

from otel.bootstrap.batching import BatchQueue

_NO_RESOURCE = Resource.get_empty()
# A Redis command outside any request is a check or an upkeep: metrics count it, a trace of it alone
# says nothing.
_ONLY_INSIDE = "opentelemetry.instrumentation.redis"


class QueueingSpanProcessor(SpanProcessor):
    """Hands sampled, ended spans to the queue."""

    def __init__(self, queue: BatchQueue[ReadableSpan]) -> None:
        self.queue = queue

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Do nothing; what matters is known at the end."""

    def on_end(self, span: ReadableSpan) -> None:
        """Queue the span if it is sampled and belongs to something."""
        context = span.context
        if context is None or not context.trace_flags.sampled:
            return
        if span.parent is None and _is_housekeeping(span):
            return
        self.queue.put(span)

    def shutdown(self) -> None:
        """Stop taking spans; the pipeline waits for what is left."""
        self.queue.stop()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Send what is queued."""
        return self.queue.flush(timeout_millis / 1000)


class QueueingLogProcessor(LogRecordProcessor):
    """Hands log records to the queue."""

    def __init__(self, queue: BatchQueue[ReadableLogRecord]) -> None:
        self.queue = queue

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Queue a copy without the context, which may hold on to a whole request."""
        record = copy.copy(log_record.log_record)
        record.context = Context()
        record.exception = None
        self.queue.put(
            ReadableLogRecord(
                log_record=record,
                resource=log_record.resource or _NO_RESOURCE,
                instrumentation_scope=log_record.instrumentation_scope,
                limits=log_record.limits,
            )
        )

    def shutdown(self) -> None:
        """Stop taking records; the pipeline waits for what is left."""
        self.queue.stop()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Send what is queued."""
        return self.queue.flush(timeout_millis / 1000)


def _is_housekeeping(span: ReadableSpan) -> bool:
    scope = span.instrumentation_scope
    return scope is not None and scope.name == _ONLY_INSIDE
