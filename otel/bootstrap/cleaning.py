"""Hides credentials in finished spans and log records on their way to an exporter."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import SpanContext, Status, TraceState
from opentelemetry.util.types import AnyValue

from otel.redaction import MASK, names_a_secret, redact

# Most attribute values repeat from span to span: those known to be clean are not searched again.
_REMEMBERED: Final = 10_000
_SHORT: Final = 80


class Cleaner:
    """Redacts values; what needs no redaction is returned as the very same object."""

    def __init__(self) -> None:
        self._clean: set[str] = set()
        self._plain_keys: set[str] = set()

    def text(self, value: str) -> str:
        """Redact one string."""
        if value in self._clean:
            return value
        redacted = redact(value)
        if redacted == value and len(value) <= _SHORT:
            if len(self._clean) >= _REMEMBERED:
                self._clean.clear()
            self._clean.add(value)
        return redacted

    def value(self, value: Any) -> Any:
        """Redact strings in a value of any shape an attribute or a log body can have."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            mapping = cast(Mapping[str, Any], value)
            cleaned = {
                key: MASK if self._secret(key) else self.value(item)
                for key, item in mapping.items()
            }
            same = all(cleaned[key] is mapping[key] for key in cleaned)
            return mapping if same else cleaned
        if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
            items = cast(Sequence[Any], value)
            cleaned_items = [self.value(item) for item in items]
            same = all(a is b for a, b in zip(cleaned_items, items, strict=True))
            return items if same else cleaned_items
        return value

    def attributes(self, attributes: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """Redact attributes; `None` stands for none needed it."""
        if not attributes:
            return None
        changed: dict[str, Any] | None = None
        clean, plain = self._clean, self._plain_keys
        for key, value in attributes.items():
            # The common case first: a known key with a value that was seen before, or a number.
            kind = cast(type[object], type(value))
            if kind is str:
                if value in clean and key in plain:
                    continue
            elif kind is int or kind is bool or kind is float:
                continue
            cleaned = MASK if self._secret(key) else self.value(value)
            if cleaned is not value and cleaned != value:
                changed = dict(attributes) if changed is None else changed
                changed[key] = cleaned
        return changed

    def _secret(self, key: str) -> bool:
        if key in self._plain_keys:
            return False
        if names_a_secret(key):
            return True
        if len(self._plain_keys) >= _REMEMBERED:
            self._plain_keys.clear()
        self._plain_keys.add(key)
        return False

    def span(self, span: ReadableSpan) -> ReadableSpan:
        """Return the span, or a copy of it without its credentials."""
        name = self.text(span.name)
        attributes = self.attributes(span.attributes)
        description = span.status.description
        status = None if description is None else self.text(description)
        events = self._events(span.events) if span.events else None
        context = self._context(span.context)
        clean = name == span.name and attributes is None and status == description
        if clean and events is None and context is span.context:
            return span
        return ReadableSpan(
            name=name,
            context=context,
            parent=span.parent,
            resource=span.resource,
            attributes=span.attributes if attributes is None else attributes,
            events=span.events if events is None else events,
            links=span.links,
            kind=span.kind,
            instrumentation_scope=span.instrumentation_scope,
            status=span.status
            if status == description
            else Status(span.status.status_code, status),
            start_time=span.start_time,
            end_time=span.end_time,
        )

    def _context(self, context: SpanContext | None) -> SpanContext | None:
        """Redact the trace state, which any caller can send along."""
        if context is None or not context.trace_state:
            return context
        state = dict(context.trace_state)
        kept = {
            key: MASK if self._secret(key) else self.text(value)
            for key, value in state.items()
            if self.text(key) == key
        }
        if kept == state:
            return context
        return SpanContext(
            context.trace_id,
            context.span_id,
            context.is_remote,
            context.trace_flags,
            TraceState(list(kept.items())),
        )

    def _events(self, events: Sequence[Event]) -> Sequence[Event] | None:
        cleaned = [
            Event(self.text(event.name), self.attributes(event.attributes), event.timestamp)
            if self.attributes(event.attributes) is not None or self.text(event.name) != event.name
            else event
            for event in events
        ]
        return None if all(a is b for a, b in zip(cleaned, events, strict=True)) else cleaned

    def record(self, record: ReadableLogRecord) -> ReadableLogRecord:
        """Return the log record, its own copy of the facts redacted in place.

        The batch holds the only reference to it, so nobody else sees the change.
        """
        log = record.log_record
        attributes = self.attributes(log.attributes)
        if attributes is not None:
            log.attributes = cast(Mapping[str, AnyValue], attributes)
        if log.body is not None:
            log.body = self.value(log.body)
        return record
