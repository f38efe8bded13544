"""What a request finds around it: the service's parts and its trace id."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import cast

from fastapi import Request
from opentelemetry import trace
from starlette.types import Scope

from otel.instruments import Instruments
from service.runtime import Runtime

TRACE_ID_KEY = "gaugeway.trace_id"
_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_NO_TRACE = "0" * 32


def headers_of(request: Request) -> Mapping[str, str]:
    """The request's headers by lower-case name; one sent several times is a list (RFC 9110, 5.3).

    Those that stand for one value are never sent twice: `AnswerMiddleware` refuses that.
    """
    fields: list[tuple[bytes, bytes]] = request.scope["headers"]
    found = {name.decode("latin-1"): value.decode("latin-1") for name, value in fields}
    if len(found) < len(fields):
        for name in found:
            values = [value for known, value in fields if known == name.encode("latin-1")]
            found[name] = b", ".join(values).decode("latin-1")
    return found


def runtime_of(request: Request) -> Runtime:
    """The parts this app was built from."""
    return cast("Runtime", request.app.state.runtime)


def instruments_of(request: Request) -> Instruments:
    """The instruments of this app."""
    return runtime_of(request).telemetry.instruments


def trace_id_of(scope: Scope) -> str:
    """The request's trace id, 32 hexadecimal digits.

    It is the current span's. Without telemetry it is the caller's, or one made for this request,
    so that log lines and the answer still share an id.
    """
    known = scope.get(TRACE_ID_KEY)
    if isinstance(known, str):
        return known
    context = trace.get_current_span().get_span_context()
    found = format(context.trace_id, "032x") if context.is_valid else _callers_trace_id(scope)
    scope[TRACE_ID_KEY] = found
    return found


def _callers_trace_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"traceparent":
            match = _TRACEPARENT.fullmatch(value)
            if match is not None and match[1].decode() != _NO_TRACE:
                return match[1].decode()
    return secrets.token_hex(16)
