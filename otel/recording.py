"""Writes one inference's facts as span attributes, metric points and a usage record."""

import time
from typing import TYPE_CHECKING

from opentelemetry._logs import Logger, SeverityNumber
from opentelemetry.util.types import AttributeValue

from otel import attributes as a
from otel.callers_text import without_callers_text
from otel.facts import Operation, Usage
from otel.instruments import Instruments
from otel.labels import LabelValue
from otel.names import USAGE_BODY

if TYPE_CHECKING:
    from otel.inference import Inference

LabelSet = dict[str, LabelValue | None]


def start_attributes(operation: Operation, *, content: bool) -> dict[str, AttributeValue]:
    """List what a sampler may decide by: the attributes known when the span starts."""
    attributes: dict[str, AttributeValue] = {
        a.OPERATION_NAME: operation.name,
        a.PROVIDER_NAME: operation.provider,
        a.REQUEST_MODEL: operation.model,
    }
    for key, value in (
        (a.SERVER_ADDRESS, operation.server_address),
        (a.SERVER_PORT, operation.server_port),
        (a.APP, operation.app),
        (a.COMPONENT, operation.component),
        (a.TARGET, operation.target),
    ):
        if value is not None:
            attributes[key] = value
    if operation.stream:
        attributes[a.REQUEST_STREAM] = True
    attributes.update(operation.attributes)
    return attributes if content else without_callers_text(attributes)


def span_attributes(inference: "Inference", *, content: bool) -> dict[str, AttributeValue]:
    """List what is known only when the span ends."""
    attributes: dict[str, AttributeValue] = dict(inference.response_attributes)
    if not content:
        without_callers_text(attributes)
    attributes[a.OUTCOME] = inference.outcome
    attributes[a.RETRY_COUNT] = inference.retries
    if inference.retries:
        attributes[a.RETRY_DELAY] = inference.retry_delay
    if inference.response_model is not None:
        attributes[a.RESPONSE_MODEL] = inference.response_model
    if inference.response_id is not None:
        attributes[a.RESPONSE_ID] = inference.response_id
    reasons = inference.finish_reasons
    if not reasons and inference.operation.stream and inference.outcome != "completed":
        # The conventions put `error` where a reason was expected and none came.
        reasons = ("error",)
    if reasons:
        attributes[a.RESPONSE_FINISH_REASONS] = reasons
    if inference.first_chunk is not None:
        attributes[a.RESPONSE_TIME_TO_FIRST_CHUNK] = inference.first_chunk
    if inference.cost_source:
        attributes[a.COST_SOURCE] = inference.cost_source
    attributes.update(_money_and_tokens(inference))
    if content:
        attributes.update(inference.contents)
    return attributes


def usage_record(inference: "Inference", logger: Logger, *, content: bool) -> None:
    """Emit the one log record of an inference, correlated with its span."""
    operation = inference.operation
    attributes: dict[str, AttributeValue] = {
        a.OPERATION_NAME: operation.name,
        a.PROVIDER_NAME: operation.provider,
        a.REQUEST_MODEL: operation.model,
        a.OUTCOME: inference.outcome,
        a.LATENCY_MS: round(inference.elapsed * 1000, 3),
    }
    for key, value in (
        (a.RESPONSE_MODEL, inference.response_model),
        (a.APP, operation.app),
        (a.COMPONENT, operation.component),
        (a.TARGET, operation.target),
    ):
        if value is not None:
            attributes[key] = value
    attributes.update(_money_and_tokens(inference))
    if content:
        attributes.update(inference.contents)
    logger.emit(
        timestamp=time.time_ns(),
        context=inference.context,
        severity_number=SeverityNumber.INFO,
        severity_text="INFO",
        body=USAGE_BODY,
        attributes=attributes,
    )


def genai_labels(inference: "Inference") -> LabelSet:
    """List the labels that the GenAI metrics share."""
    operation = inference.operation
    return {
        a.OPERATION_NAME: operation.name,
        a.PROVIDER_NAME: operation.provider,
        a.REQUEST_MODEL: operation.model,
        a.RESPONSE_MODEL: inference.response_model,
        a.SERVER_ADDRESS: operation.server_address,
        a.SERVER_PORT: operation.server_port,
        a.APP: operation.app,
    }


def record_metrics(inference: "Inference", instruments: Instruments) -> None:
    """Record an ended inference's points; each carries the span as its exemplar."""
    labels = genai_labels(inference)
    context = inference.context
    timed = labels if inference.error_type is None else _with_error(labels, inference.error_type)
    instruments.operation_duration.record(inference.elapsed, timed, context)
    if inference.first_chunk is not None:
        instruments.time_to_first_chunk.record(inference.first_chunk, labels, context)
    _record_tokens(inference, instruments, labels)
    _record_money(inference, instruments)
    operation = inference.operation
    if operation.stream:
        instruments.streams.add(
            1,
            {
                a.STREAM_OUTCOME: inference.outcome,
                a.PROVIDER_NAME: operation.provider,
                a.REQUEST_MODEL: operation.model,
            },
            context,
        )


def _with_error(labels: LabelSet, error_type: str) -> LabelSet:
    return {**labels, a.ERROR_TYPE: error_type}


def _money_and_tokens(inference: "Inference") -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {}
    usage = inference.tokens
    if usage is not None:
        attributes[a.USAGE_INPUT_TOKENS] = usage.input_tokens
        if inference.operation.name != "embeddings":
            attributes[a.USAGE_OUTPUT_TOKENS] = usage.output_tokens
        if usage.cache_read_tokens:
            attributes[a.USAGE_CACHE_READ] = usage.cache_read_tokens
        if usage.cache_write_tokens:
            attributes[a.USAGE_CACHE_WRITE] = usage.cache_write_tokens
        if usage.reasoning_tokens:
            attributes[a.USAGE_REASONING] = usage.reasoning_tokens
        if usage.estimated:
            attributes[a.USAGE_ESTIMATED] = True
    if inference.amount is not None:
        attributes[a.COST] = format(inference.amount, "f")
    elif inference.cost_known:
        attributes[a.UNPRICED] = True
    if inference.error_type is not None:
        attributes[a.ERROR_TYPE] = inference.error_type
    return attributes


def _record_tokens(inference: "Inference", instruments: Instruments, labels: LabelSet) -> None:
    usage = inference.tokens
    context = inference.context
    generates = inference.operation.name != "embeddings"
    if usage is not None:
        instruments.token_usage.record(
            usage.input_tokens, {**labels, a.TOKEN_TYPE: "input"}, context
        )
        if generates:
            instruments.token_usage.record(
                usage.output_tokens, {**labels, a.TOKEN_TYPE: "output"}, context
            )
    # The counters tell of every inference, a failed one too: then 0 of modality `unknown`.
    counted = usage or _NO_USAGE
    unknown: LabelSet = {**labels, a.TOKEN_MODALITY: "unknown"}
    for counter, tokens, audio, wanted in (
        (instruments.input_tokens, counted.input_tokens, counted.input_audio_tokens, True),
        (instruments.output_tokens, counted.output_tokens, counted.output_audio_tokens, generates),
        (instruments.cache_read_tokens, counted.cache_read_tokens, 0, False),
        (instruments.cache_write_tokens, counted.cache_write_tokens, 0, False),
        (instruments.reasoning_tokens, counted.reasoning_tokens, 0, False),
    ):
        if audio:
            counter.add(audio, {**labels, a.TOKEN_MODALITY: "audio"}, context)
            counter.add(tokens - audio, {**labels, a.TOKEN_MODALITY: "text"}, context)
        elif tokens or wanted:
            counter.add(tokens, unknown, context)


def _record_money(inference: "Inference", instruments: Instruments) -> None:
    operation = inference.operation
    labels: LabelSet = {
        a.OPERATION_NAME: operation.name,
        a.PROVIDER_NAME: operation.provider,
        a.REQUEST_MODEL: operation.model,
        a.APP: operation.app,
    }
    if inference.amount is not None:
        labels[a.RESPONSE_MODEL] = inference.response_model
        labels[a.COMPONENT] = operation.component
        instruments.cost.add(float(inference.amount), labels, inference.context)
    elif inference.cost_known:
        instruments.unpriced_operations.add(1, labels, inference.context)


_NO_USAGE = Usage(0, 0)
