"""Reads a trace in protobuf's JSON form: what Tempo answers, whatever its version.

Everything in it was written by some application: types are checked, sizes bounded, text kept as
text.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from service.json_reader import Reading, read_json

MOST_SPANS = 2_000
MOST_ATTRIBUTES = 64
MOST_EVENTS = 32
MOST_CHARACTERS = 500

Json = Mapping[str, Any]


class TraceFormatError(ValueError):
    """The bytes are no trace."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened during a span; `at` in nanoseconds since the epoch."""

    name: str
    at: int
    attributes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Span:
    """One span; times in nanoseconds since the epoch, ids in hexadecimal."""

    id: str
    parent: str
    name: str
    service: str
    kind: str
    start: int
    end: int
    failed: bool
    status_message: str
    attributes: tuple[tuple[str, str], ...]
    left_out: int
    """How many attributes are not in `attributes`."""
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """The spans of a trace, in no order; `left_out` is how many are not in it."""

    spans: tuple[Span, ...]
    left_out: int = 0


def read_trace(raw: bytes) -> Trace:
    """The trace that the bytes are. Raises `TraceFormatError`."""
    try:
        document: object = read_json(raw, Reading())
    except ValueError:
        raise TraceFormatError("not JSON") from None
    found: list[Span] = []
    left_out = 0
    for service, given in _spans(document):
        if len(found) < MOST_SPANS:
            found.append(_span(service, given))
        else:
            left_out += 1
    return Trace(tuple(found), left_out)


def _spans(document: object) -> Iterator[tuple[str, Json]]:
    whole = _object(document)
    whole = _object(whole["trace"]) if "trace" in whole else whole
    for batch in _objects(whole.get("batches") or whole.get("resourceSpans")):
        resource = _object(batch.get("resource"))
        pairs, _ = _attributes(resource.get("attributes"))
        service = dict(pairs).get("service.name", "unknown service")
        scopes = batch.get("scopeSpans") or batch.get("instrumentationLibrarySpans")
        for scope in _objects(scopes):
            for span in _objects(scope.get("spans")):
                yield service, span


def _span(service: str, given: Json) -> Span:
    attributes, left_out = _attributes(given.get("attributes"))
    status = _object(given.get("status"))
    start = _integer(given.get("startTimeUnixNano"))
    return Span(
        id=_identity(given.get("spanId")),
        parent=_identity(given.get("parentSpanId")),
        name=_text(given.get("name")) or "unnamed",
        service=service,
        kind=_enum(given.get("kind"), "SPAN_KIND_", _KINDS),
        start=start,
        end=max(start, _integer(given.get("endTimeUnixNano"))),
        failed=_enum(status.get("code"), "STATUS_CODE_", _CODES) == "error",
        status_message=_text(status.get("message")),
        attributes=attributes,
        left_out=left_out,
        events=tuple(_event(event) for event in _objects(given.get("events"))[:MOST_EVENTS]),
    )


def _event(given: Json) -> Event:
    attributes, _ = _attributes(given.get("attributes"))
    return Event(
        _text(given.get("name")) or "unnamed", _integer(given.get("timeUnixNano")), attributes
    )


_KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")
_CODES = ("unset", "ok", "error")


def _enum(value: object, prefix: str, names: tuple[str, ...]) -> str:
    """The name of a value that is written as its name or as its number."""
    if isinstance(value, str):
        name = value.removeprefix(prefix).lower()
        return name if name in names else names[0]
    if isinstance(value, int) and 0 <= value < len(names):
        return names[value]
    return names[0]


def _identity(value: object) -> str:
    """An id in hexadecimal: it comes as that, or in Base64 as protobuf writes bytes."""
    text = value if isinstance(value, str) else ""
    if len(text) == 16:
        return text.lower()
    try:
        return base64.b64decode(text, validate=True).hex()
    except (binascii.Error, ValueError):
        return text[:32]


def _integer(value: object) -> int:
    """A 64-bit number, which comes as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 19:
        return int(value)
    return value if isinstance(value, int) and 0 <= value < 2**63 else 0


def _attributes(given: object) -> tuple[tuple[tuple[str, str], ...], int]:
    entries = _objects(given)
    pairs = tuple(
        (_text(entry.get("key")), _value(_object(entry.get("value"))))
        for entry in entries[:MOST_ATTRIBUTES]
    )
    return pairs, max(0, len(entries) - MOST_ATTRIBUTES)


def _value(given: Json) -> str:
    """A value as text; a list or a map as its JSON."""
    for kind, value in given.items():
        if kind == "boolValue":
            return "true" if value is True else "false"
        if isinstance(value, str | int | float):
            return _text(str(value))
        return _text(json.dumps(value))
    return ""


def _text(value: object) -> str:
    text = value if isinstance(value, str) else ""
    return text if len(text) <= MOST_CHARACTERS else text[:MOST_CHARACTERS] + "…"


def _object(value: object) -> Json:
    return cast("Json", value) if isinstance(value, dict) else {}


def _objects(value: object) -> list[Json]:
    if not isinstance(value, list):
        return []
    return [cast("Json", item) for item in cast("list[object]", value) if isinstance(item, dict)]
