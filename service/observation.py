"""Says to `otel.inference` what the gateway knows, in the conventions' words. Pure mapping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from otel import attributes as names
from otel import inference as otel
from otel.redaction import redact_beginning
from service.exchange import ModelRequest
from service.providers.protocol import AttributeValue
from service.targets import Target
from service.tokens import Usage

_NUMBERS: tuple[tuple[str, str], ...] = (
    ("temperature", "gen_ai.request.temperature"),
    ("top_p", "gen_ai.request.top_p"),
    ("frequency_penalty", "gen_ai.request.frequency_penalty"),
    ("presence_penalty", "gen_ai.request.presence_penalty"),
)
_LONGEST = 64


def operation_of(request: ModelRequest, target: Target) -> otel.Operation:
    """What is known when the inference at this target starts."""
    return otel.Operation(
        name=request.operation,
        provider=target.provider_name,
        model=target.provider_model,
        app=request.app,
        component=request.component,
        server_address=target.server_address,
        server_port=target.server_port,
        stream=request.stream,
        target=target.name,
        attributes=request_attributes(request.operation, request.body),
    )


def usage_of(usage: Usage) -> otel.Usage:
    """The same counts for the telemetry library, which knows nothing of this service."""
    return otel.Usage(
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
        usage.input_audio_tokens,
        usage.output_audio_tokens,
        usage.estimated,
    )


def request_attributes(operation: str, body: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """The span attributes a request body tells of; `otel` tells of text only with content."""
    found: dict[str, AttributeValue] = {}
    if operation == "embeddings":
        _put(found, "gen_ai.embeddings.dimension.count", body.get("dimensions"))
        if isinstance(encoding := body.get("encoding_format"), str):
            found["gen_ai.request.encoding_formats"] = (encoding,)
        return found
    for field, name in _NUMBERS:
        value = body.get(field)
        if value is not None:
            found[name] = float(value)
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    _put(found, "gen_ai.request.max_tokens", limit)
    _put(found, "gen_ai.request.seed", body.get("seed"))
    if (choices := body.get("n")) is not None and choices != 1:
        _put(found, "gen_ai.request.choice.count", choices)
    _stop_sequences(found, body.get("stop"))
    _output_type(found, body.get("response_format"))
    if isinstance(tier := body.get("service_tier"), str) and tier != "auto":
        found[names.REQUEST_TIER] = _short(tier)
    return found


def _put(found: dict[str, AttributeValue], name: str, value: object) -> None:
    if isinstance(value, int | float):
        found[name] = int(value)


def _stop_sequences(found: dict[str, AttributeValue], stop: object) -> None:
    if isinstance(stop, str):
        found[names.STOP_SEQUENCES] = (_short(stop),)
    elif isinstance(stop, list) and stop:
        sequences = cast("list[str]", stop)[:16]
        found[names.STOP_SEQUENCES] = tuple(_short(sequence) for sequence in sequences)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else redact_beginning(text[:_LONGEST])


def _output_type(found: dict[str, AttributeValue], response_format: object) -> None:
    if isinstance(response_format, dict):
        kind = cast("dict[str, object]", response_format).get("type")
        if kind in ("json_object", "json_schema"):
            found["gen_ai.output.type"] = "json"
        elif kind == "text":
            found["gen_ai.output.type"] = "text"
