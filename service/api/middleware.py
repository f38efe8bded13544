"""Wraps every request: the answer gets its trace id, and what nobody caught becomes a clean 500."""

from __future__ import annotations

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.context import trace_id_of
from service.api.errors import INTERNAL_MESSAGE, error_response, log_unexpected
from service.errors import InternalError


class AnswerMiddleware:
    """Adds `x-trace-id` to every answer and keeps an unexpected error inside."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; only HTTP is touched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace_id = trace_id_of(scope)
        started = False

        async def send_with_trace_id(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message.setdefault("headers", []).append((b"x-trace-id", trace_id.encode()))
            await send(message)

        try:
            await self._app(scope, receive, send_with_trace_id)
        except ClientDisconnect:
            return  # There is nobody left to answer.
        except Exception as error:
            log_unexpected(error, trace_id)
            if started:
                raise
            response = error_response(InternalError(INTERNAL_MESSAGE), trace_id)
            await response(scope, receive, send_with_trace_id)
