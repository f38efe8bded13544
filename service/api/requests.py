"""From an HTTP request to a validated request for a model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any, Literal

from fastapi import Request
from pydantic import TypeAdapter
from starlette.types import Message

from service.api import headers
from service.api.body import read_body
from service.api.checking import checked_body
from service.api.context import headers_of, runtime_of, trace_id_of
from service.errors import BodyTimeout, DeadlineExceeded, ServiceUnavailable
from service.exchange import ModelRequest
from service.keys import Caller
from service.providers.control import split_model


async def authenticate(request: Request) -> Caller:
    """Who calls. Raises `InvalidApiKey`."""
    return await runtime_of(request).keys.authenticate(request.headers.get("authorization"))


async def model_request(
    request: Request, operation: Literal["chat", "embeddings"], schema: TypeAdapter[Any]
) -> ModelRequest:
    """Authenticate, read and validate. Raises `ServiceError` for what is wrong, as a 4xx."""
    started = time.perf_counter()
    runtime = runtime_of(request)
    if not runtime.ready:
        raise ServiceUnavailable(
            "The service is stopping. Try again.", code="shutting_down", retry_after=1
        )
    given, settings = headers_of(request), runtime.settings
    caller = await runtime.keys.authenticate(given.get("authorization"))
    now = asyncio.get_running_loop().time()
    deadline = headers.deadline_of(given, now=now, allowed=settings.deadline_seconds)
    raw = await _body(request, given, now, deadline)
    checked = await checked_body(raw, schema, most_values=settings.max_body_values)
    body = checked.fields
    model, simulate = body["model"], None
    if settings.simulate_control:
        model, wish = split_model(model)
        simulate = headers.simulate_of(given) or wish
    return ModelRequest(
        operation=operation,
        model=model,
        body=body,
        app=caller.app,
        started=started,
        deadline=deadline,
        component=headers.component_of(given, runtime.components),
        stream=operation == "chat" and body.get("stream") is True,
        cache=headers.cache_of(given),
        simulate=simulate,
        trace_id=trace_id_of(request.scope),
        user=runtime.users.of(body),
        weight=checked.weight,
        input_tokens=checked.input_tokens,
    )


async def _body(request: Request, given: Mapping[str, str], now: float, deadline: float) -> bytes:
    """The body as it was sent. Raises `BodyTimeout` for a pause that is too long, or all of it."""
    runtime = runtime_of(request)
    settings, clock = runtime.settings, asyncio.get_running_loop().time
    pause = settings.body_timeout_seconds

    async def receive() -> Message:
        message = await request.receive()
        if message.get("more_body"):
            waiting.postpone(min(deadline, clock() + pause))
        return message

    try:
        # A client that sends slowly must hold up neither its connection nor the end of the service.
        with runtime.in_flight.track(min(deadline, now + pause)) as waiting:
            return await read_body(receive, given, limit=settings.max_body_bytes)
    except DeadlineExceeded:
        raise BodyTimeout(
            f"The request body did not arrive: nothing came for {pause:g} seconds, or it was not "
            "whole by the request's deadline."
        ) from None
