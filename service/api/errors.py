"""Every error, ours or the framework's, in OpenAI's error shape with the trace id inside."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Match, Route

from otel import attributes as names
from otel.instruments import Instruments
from service.api.context import instruments_of, trace_id_of
from service.api.headers import cost_headers
from service.errors import (
    BodyTimeout,
    ClientGone,
    InternalError,
    InvalidApiKey,
    InvalidRequest,
    MethodNotAllowed,
    NotFound,
    ProviderError,
    RequestTooLarge,
    ServiceError,
    UnsupportedMediaType,
)

INTERNAL_MESSAGE = (
    "The service failed inside. Try again; if it stays, report the trace id to the operator."
)


def error_response(
    error: ServiceError, trace_id: str, headers: Mapping[str, str] | None = None
) -> Response:
    """The answer for an error."""
    all_headers = {**(headers or {}), **error.headers}
    if error.bill is not None:
        all_headers |= cost_headers(error.bill)
    if error.retry_after is not None:
        all_headers["retry-after"] = str(max(0, math.ceil(error.retry_after)))
    if error.status == InvalidApiKey.status:
        all_headers["www-authenticate"] = "Bearer"
    if error.status in (BodyTimeout.status, RequestTooLarge.status):
        # What is left of the body is not wanted: the connection cannot be used again.
        all_headers["connection"] = "close"
    return Response(
        json.dumps(error.body(trace_id=trace_id)).encode(),
        status_code=error.status,
        headers=all_headers,
        media_type="application/json",
    )


def install_error_handlers(app: FastAPI) -> None:
    """Have the app answer every error in the one shape."""
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(HTTPException, _framework_error)
    app.add_exception_handler(RequestValidationError, _validation_error)


def answer_error(request: Request, error: ServiceError) -> Response:
    """The answer for an error, which is counted where it is a refusal of ours."""
    count_rejection(instruments_of(request), error)
    return error_response(error, trace_id_of(request.scope))


async def _service_error(request: Request, error: Exception) -> Response:
    known = error if isinstance(error, ServiceError) else InternalError(INTERNAL_MESSAGE)
    return answer_error(request, known)


async def _framework_error(request: Request, error: Exception) -> Response:
    known, headers = _translated(request, error)
    count_rejection(instruments_of(request), known)
    return error_response(known, trace_id_of(request.scope), headers)


async def _validation_error(request: Request, error: Exception) -> Response:
    problems: Any = error.errors() if isinstance(error, RequestValidationError) else []
    first = problems[0] if problems else {"loc": (), "msg": "it cannot be read"}
    param = ".".join(str(part) for part in first["loc"][1:])
    known = InvalidRequest(f"Invalid value for '{param}': {first['msg']}.", param=param or None)
    count_rejection(instruments_of(request), known)
    return error_response(known, trace_id_of(request.scope))


def _translated(request: Request, error: Exception) -> tuple[ServiceError, Mapping[str, str]]:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict((error.headers or {}) if isinstance(error, HTTPException) else {})
    where = f"{request.method} {request.url.path[:200]}"
    match status:
        case 404:
            return NotFound(
                f"Unknown request URL: {where}. See /openapi.json for what there is."
            ), headers
        case 405:
            allowed = _methods(request) or headers.get("Allow", "another method")
            return MethodNotAllowed(f"{where} is not allowed; use {allowed}."), {"Allow": allowed}
        case 413:
            return RequestTooLarge("The request body is larger than this service takes."), headers
        case 415:
            return UnsupportedMediaType("Send the body as 'Content-Type: application/json'."), {}
        case _ if 400 <= status < 500:
            return InvalidRequest("The request cannot be served as it is written."), headers
        case _:
            return InternalError(INTERNAL_MESSAGE), {}


def _methods(request: Request) -> str:
    """The methods of an address, of which the framework names those of its first route alone."""
    methods: set[str] = set()
    pending: list[Any] = list(request.app.routes)
    while pending:
        route = pending.pop()
        # FastAPI keeps an included router as a route of its own.
        pending += getattr(getattr(route, "original_router", None), "routes", ())
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return ", ".join(sorted(methods))


def count_rejection(instruments: Instruments, error: ServiceError) -> None:
    """Count what was refused before a provider was asked; a provider's refusal is not ours."""
    if isinstance(error, ProviderError | ClientGone) or error.status >= 500:
        return
    instruments.requests_rejected.add(
        1, {names.ERROR_TYPE: error.error_type, names.HTTP_STATUS_CODE: error.status}
    )
