"""One inference: one span, its metrics and its usage record from the same facts, ended once."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from decimal import Decimal
from types import TracebackType
from typing import Final

from opentelemetry import _logs, trace
from opentelemetry._logs import Logger
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.util.types import AttributeValue

from otel import attributes as a
from otel import names
from otel.content import content_attribute
from otel.facts import Operation, Usage
from otel.instruments import Instruments, shared_instruments
from otel.outcome import outcome_of
from otel.recording import (
    genai_labels,
    record_metrics,
    span_attributes,
    start_attributes,
    usage_record,
)
from otel.redaction import redact, redact_beginning, redact_up_to
from otel.settings import ApiSettings

__all__ = ["Inference", "Operation", "Telemetry", "Usage"]

# Gaps between chunks are recorded in bundles this large, so that a long stream holds few of them.
_BUNDLE: Final = 64
# What a provider says of its answer has no limit of its own; names and ids are shorter than this.
_LONGEST_TEXT: Final = 256
_MOST_REASONS: Final = 128
_LONGEST_MESSAGE: Final = 1024


class Telemetry:
    """Starts inferences and holds the instruments; built once from the API's objects.

    `clock` gives seconds and only its differences matter.
    """

    def __init__(
        self,
        tracer: Tracer,
        instruments: Instruments,
        logger: Logger,
        *,
        clock: Callable[[], float] = time.perf_counter,
        settings: ApiSettings | None = None,
    ) -> None:
        self.tracer = tracer
        self.logger = logger
        self.clock = clock
        self.settings = settings or ApiSettings()
        self.instruments = instruments
        self._dropped: deque[Inference] = deque()

    @classmethod
    def from_globals(cls) -> "Telemetry":
        """Build on the global providers, with the limits that the environment sets."""
        return cls(
            trace.get_tracer(names.SCOPE, schema_url=names.SCHEMA_URL),
            shared_instruments(),
            _logs.get_logger(names.USAGE_LOGGER, schema_url=names.SCHEMA_URL),
            settings=ApiSettings.from_environment(),
        )

    def inference(self, operation: Operation) -> "Inference":
        """Start an inference now.

        Used as a context manager, its span is the current one inside and it ends with the block.
        A stream keeps it and calls `end`; it is never current across a `yield`.
        """
        self.end_abandoned()
        return Inference(self, operation)

    def abandoned(self, inference: "Inference") -> None:
        """Take in an inference that was collected as garbage before it ended.

        It is ended later: a finaliser may run anywhere, inside a lock of the SDK too.
        """
        self._dropped.append(inference)

    def end_abandoned(self) -> None:
        """End the inferences that their owners forgot."""
        while self._dropped:
            self._dropped.popleft().end("abandoned")


class Inference:
    """One logical call of a model at one target, its retries included.

    `end`, or leaving the context, settles it; whatever comes later changes nothing.
    """

    def __init__(self, telemetry: Telemetry, operation: Operation) -> None:
        self.operation = operation
        self.ended = False
        self.retries = 0
        self.retry_delay = 0.0
        self.first_chunk: float | None = None
        self.response_model: str | None = None
        self.response_id: str | None = None
        self.finish_reasons: tuple[str, ...] = ()
        self.response_attributes: Mapping[str, AttributeValue] = {}
        self.tokens: Usage | None = None
        self.amount: Decimal | None = None
        self.cost_known = False
        self.cost_source = ""
        self.error_type: str | None = None
        self.error_message = ""
        self.outcome = ""
        self.contents: dict[str, str] = {}
        self.elapsed = 0.0
        self._telemetry = telemetry
        self._gaps: list[float] = []
        self._attached: AbstractContextManager[Span] | None = None
        self.span: Span = telemetry.tracer.start_span(
            f"{operation.name} {redact(operation.model)}" if operation.model else operation.name,
            kind=SpanKind.CLIENT,
            attributes=start_attributes(operation, content=telemetry.settings.capture.on_span),
        )
        self.context: Context = trace.set_span_in_context(self.span)
        self._started = telemetry.clock()
        self._last_chunk = self._started

    @property
    def trace_id(self) -> str:
        """The trace's id, 32 hexadecimal digits."""
        return format(self.span.get_span_context().trace_id, "032x")

    @property
    def provider_seconds(self) -> float:
        """Seconds from the start until now, or until the end."""
        return self.elapsed if self.ended else self._telemetry.clock() - self._started

    def retry(self, *, error_type: str, delay_seconds: float) -> None:
        """Count another attempt at the same target, after a wait of so many seconds."""
        if self.ended:
            return
        self.retries += 1
        self.retry_delay += delay_seconds
        labels = {**self._provider_labels(), a.ERROR_TYPE: error_type}
        self._telemetry.instruments.retries.add(1, labels, self.context)

    def provider_error(self, *, error_type: str, status: int | None, code: str | None) -> None:
        """Count one failed attempt, whether or not another follows."""
        if self.ended:
            return
        labels = {
            **self._provider_labels(),
            a.HTTP_STATUS_CODE: status,
            a.PROVIDER_ERROR_CODE: code,
            a.COMPONENT: self.operation.component,
            a.ERROR_TYPE: error_type,
        }
        self._telemetry.instruments.provider_errors.add(1, labels, self.context)

    def timeout(self, kind: str) -> None:
        """Count an attempt that met a limit: `connect`, `read` or `deadline`."""
        if self.ended:
            return
        labels = {**self._provider_labels(), a.TIMEOUT_KIND: kind}
        self._telemetry.instruments.timeouts.add(1, labels, self.context)

    def chunk(self) -> None:
        """Note that a chunk with content arrived now."""
        if self.ended:
            return
        now = self._telemetry.clock()
        if self.first_chunk is None:
            self.first_chunk = now - self._started
        else:
            self._gaps.append(now - self._last_chunk)
            if len(self._gaps) >= _BUNDLE:
                self._record_gaps()
        self._last_chunk = now

    def response(
        self,
        *,
        model: str | None = None,
        id: str | None = None,  # noqa: A002  # the attribute's own name
        finish_reasons: tuple[str, ...] = (),
        attributes: Mapping[str, AttributeValue] | None = None,
    ) -> None:
        """Note what the answer says of itself; what is given later adds to what came before."""
        self.response_model = _cut(model) if model else self.response_model
        self.response_id = _cut(id) if id else self.response_id
        if finish_reasons:
            self.finish_reasons = tuple(_cut(reason) for reason in finish_reasons[:_MOST_REASONS])
        if attributes:
            cut = {
                key: _cut(value) if isinstance(value, str) else value
                for key, value in attributes.items()
            }
            self.response_attributes = {**self.response_attributes, **cut}

    def usage(self, usage: Usage) -> None:
        """Note the tokens; the last call counts."""
        self.tokens = usage

    def cost(self, amount: Decimal | None, *, source: str = "") -> None:
        """Note the cost in USD, or with `None` that no price is known; the last call counts."""
        self.cost_known = True
        self.amount = amount
        self.cost_source = source

    def content(self, *, input_messages: object = None, output_messages: object = None) -> None:
        """Note messages in the conventions' form; dropped unless capture is on."""
        settings = self._telemetry.settings
        if not (settings.capture.on_span or settings.capture.on_event):
            return
        for key, value in (
            (a.INPUT_MESSAGES, input_messages),
            (a.OUTPUT_MESSAGES, output_messages),
        ):
            if value is not None:
                self.contents[key] = content_attribute(value, settings.content_characters)

    def fail(self, error_type: str, message: str = "", *, quoting: str = "") -> None:
        """Note that the inference failed; credentials in the message are hidden.

        `message` is in the application's own words. `quoting` may hold words of others, such as a
        provider that repeats a prompt, and stands in its place where spans carry content.
        """
        if quoting and self._telemetry.settings.capture.on_span:
            message = quoting
        self.error_type = error_type
        self.error_message = redact_up_to(message, _LONGEST_MESSAGE)

    def end(self, outcome: str = "completed") -> None:
        """Settle the inference: its span ends, its metrics and its usage record are emitted."""
        if self.ended:
            return
        self.elapsed = self._telemetry.clock() - self._started
        self.ended = True
        self.outcome = outcome
        self._record_gaps()
        capture = self._telemetry.settings.capture
        self.span.set_attributes(span_attributes(self, content=capture.on_span))
        if self.error_type is not None:
            self.span.set_status(Status(StatusCode.ERROR, self.error_message or None))
        record_metrics(self, self._telemetry.instruments)
        usage_record(self, self._telemetry.logger, content=capture.on_event)
        self.span.end()

    def __enter__(self) -> "Inference":
        # Errors are told by `fail`, in words that hold no credential.
        self._attached = trace.use_span(
            self.span, record_exception=False, set_status_on_exception=False
        )
        self._attached.__enter__()
        return self

    def __exit__(
        self,
        error_class: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._attached is not None:
            self._attached.__exit__(None, None, None)
            self._attached = None
        if error is None:
            self.end()
            return
        outcome = outcome_of(error)
        if outcome in ("provider_error", "timeout") and self.error_type is None:
            self.fail(type(error).__qualname__, quoting=str(error))
        self.end(outcome)

    def __del__(self) -> None:
        if not getattr(self, "ended", True) and hasattr(self, "_last_chunk"):
            self._telemetry.abandoned(self)

    def _record_gaps(self) -> None:
        if self._gaps:
            gaps, self._gaps = self._gaps, []
            labels = genai_labels(self)
            self._telemetry.instruments.time_per_output_chunk.record_many(
                gaps, labels, self.context
            )

    def _provider_labels(self) -> dict[str, str | int | None]:
        return {a.PROVIDER_NAME: self.operation.provider, a.REQUEST_MODEL: self.operation.model}


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else redact_beginning(text[:_LONGEST_TEXT])
