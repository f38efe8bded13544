"""Cleans finished spans and log records on their way to an exporter.

Credentials are hidden, values are cut to a bearable length, and what callers wrote stays only where
content is captured.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, TraceState
from opentelemetry.util.types import AnyValue

from otel.bootstrap.nested import NestedCleaner
from otel.bootstrap.server_spans import ServerSpans, sampling_state
from otel.redaction import MASK, names_a_secret, redact_beginning, redact_up_to
from otel.settings import Capture

LONGEST_VALUES: Final = frozenset({16_384})
"""Characters of an attribute, where no standard variable says otherwise."""
LONGEST_BODY: Final = 65_536
"""Characters of a log record's body."""
LONGEST_STATE: Final = 512
"""Characters of a trace state: what W3C has everyone pass on."""
# Most attribute values repeat from span to span: those known to be clean are not searched again.
_REMEMBERED: Final = 10_000
_SHORT: Final = 80
_FEW: Final = 8


class Cleaner:
    """Cleans values; what needs no cleaning is returned as the very same object.

    `limits` are the lengths at which the SDK cuts attributes, in characters: one that is just as
    long may have been cut in the middle of a credential. What is longer than all is cut here.
    `server_names` are the host names the service is reached by.
    """

    def __init__(
        self,
        capture: Capture = Capture.NO_CONTENT,
        *,
        limits: frozenset[int] = LONGEST_VALUES,
        server_names: frozenset[str] = frozenset(),
    ) -> None:
        self._captures = capture.on_span
        self._limits = limits
        self._longest = max(limits)
        self._server_spans = ServerSpans(server_names)
        self._clean: set[str] = set()
        self._plain_keys: set[str] = set()

    def text(self, value: str) -> str:
        """Clean one string."""
        if value in self._clean:
            return value
        if len(value) in self._limits:
            return redact_beginning(value)
        redacted = redact_up_to(value, self._longest)
        if redacted == value and len(value) <= _SHORT:
            if len(self._clean) >= _REMEMBERED:
                self._clean.clear()
            self._clean.add(value)
        return redacted

    def value(self, value: Any) -> Any:
        """Clean strings in a value of any shape an attribute can have."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, (Mapping, Sequence)):
            if self._known(cast(object, value)):
                return cast(object, value)
            return NestedCleaner(self.text, self._secret, characters=self._longest).value(value)
        return value

    def _known(self, value: object) -> bool:
        """Whether it is a few texts that were seen before, as reasons why choices ended are."""
        if not isinstance(value, tuple):
            return False
        items = cast(tuple[object, ...], value)
        clean = self._clean
        return len(items) <= _FEW and all(type(item) is str and item in clean for item in items)

    def attributes(self, attributes: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        """Clean attributes; `None` stands for none needed it."""
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
        if len(key) <= _SHORT:
            if len(self._plain_keys) >= _REMEMBERED:
                self._plain_keys.clear()
            self._plain_keys.add(key)
        return False

    def span(self, span: ReadableSpan) -> ReadableSpan:
        """Return the span, or a copy of it without its credentials and its caller's text."""
        name = self.text(span.name)
        attributes = self._span_attributes(span)
        description = span.status.description
        status = None if description is None else self.text(description)
        events = self._events(span.events) if span.events else None
        links = self._links(span.links) if span.links else None
        context = self._context(span.context)
        clean = name == span.name and attributes is None and status == description
        if clean and events is None and links is None and context is span.context:
            return span
        return ReadableSpan(
            name=name,
            context=context,
            parent=span.parent,
            resource=span.resource,
            attributes=span.attributes if attributes is None else attributes,
            events=span.events if events is None else events,
            links=span.links if links is None else links,
            kind=span.kind,
            instrumentation_scope=span.instrumentation_scope,
            status=span.status
            if status == description
            else Status(span.status.status_code, status),
            start_time=span.start_time,
            end_time=span.end_time,
        )

    def _span_attributes(self, span: ReadableSpan) -> Mapping[str, Any] | None:
        """The span's attributes where any needed cleaning; what is left out is not redacted too."""
        given = span.attributes
        if self._captures or not given or span.kind is not SpanKind.SERVER:
            return self.attributes(given)
        kept = self._server_spans.kept_of(given)
        if kept is None:
            return self.attributes(given)
        return self.attributes(kept) or kept

    def _context(self, context: SpanContext | None) -> SpanContext | None:
        """Clean the trace state, which any caller can send along."""
        if context is None or not context.trace_state:
            return context
        state = context.trace_state
        kept = self._state(state) if self._captures else sampling_state(state)
        if kept == state:
            return context
        return SpanContext(
            context.trace_id, context.span_id, context.is_remote, context.trace_flags, kept
        )

    def _state(self, state: TraceState) -> TraceState:
        kept: list[tuple[str, str]] = []
        room = LONGEST_STATE
        for key, value in state.items():
            room -= len(key) + len(value) + 2
            if room < 0:
                break
            if self.text(key) == key:
                kept.append((key, MASK if self._secret(key) else self.text(value)))
        return TraceState(kept)

    def _events(self, events: Sequence[Event]) -> Sequence[Event] | None:
        cleaned = [self._event(event) for event in events]
        return None if all(a is b for a, b in zip(cleaned, events, strict=True)) else cleaned

    def _event(self, event: Event) -> Event:
        name, attributes = self.text(event.name), self.attributes(event.attributes)
        if attributes is None and name == event.name:
            return event
        return Event(name, event.attributes if attributes is None else attributes, event.timestamp)

    def _links(self, links: Sequence[Link]) -> Sequence[Link] | None:
        cleaned = [self._link(link) for link in links]
        return None if all(a is b for a, b in zip(cleaned, links, strict=True)) else cleaned

    def _link(self, link: Link) -> Link:
        context, attributes = self._context(link.context), self.attributes(link.attributes)
        if context is None or (context is link.context and attributes is None):
            return link
        return Link(context, link.attributes if attributes is None else attributes)

    def record(self, record: ReadableLogRecord) -> ReadableLogRecord:
        """Return the log record, its own copy of the facts cleaned in place.

        The batch holds the only reference to it, so nobody else sees the change.
        """
        log = record.log_record
        attributes = self.attributes(log.attributes)
        if attributes is not None:
            log.attributes = cast(Mapping[str, AnyValue], attributes)
        if isinstance(log.body, str):
            log.body = log.body if log.body in self._clean else self._body(log.body)
        elif log.body is not None:
            nested = NestedCleaner(self.text, self._secret, characters=LONGEST_BODY)
            log.body = nested.value(log.body)
        return record

    def _body(self, body: str) -> str:
        return self.text(body) if len(body) <= _SHORT else redact_up_to(body, LONGEST_BODY)
