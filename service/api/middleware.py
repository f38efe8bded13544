"""Wraps every request: the answer gets its trace id, and what nobody caught becomes a clean 500."""

from __future__ import annotations

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.context import trace_id_of
from service.api.cookies import drop_escaped_cookies
from service.api.errors import INTERNAL_MESSAGE, error_response
from service.api.unexpected import log_unexpected
from service.errors import InternalError


class AnswerBrokenOff(Exception):  # noqa: N818 - the name says what happened
    """An answer whose head has been sent cannot be finished."""


class AnswerMiddleware:
    """Adds `x-trace-id` to every answer and keeps an unexpected error inside.

    `content` says whether log lines may hold what callers wrote.
    """

    def __init__(self, app: ASGIApp, *, content: bool) -> None:
        self._app = app
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; only HTTP is touched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        drop_escaped_cookies(scope)
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
            log_unexpected(error, trace_id, content=self._content)
            if started:
                # The server ends the connection, and writes down what it is given.
                raise AnswerBrokenOff(f"See the line of trace {trace_id}.") from None
            response = error_response(InternalError(INTERNAL_MESSAGE), trace_id)
            await response(scope, receive, send_with_trace_id)
