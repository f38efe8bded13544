"""Wraps every request: the answer gets its trace id, and what nobody caught becomes a clean 500.

A header that stands for one value and is sent twice is refused here, for every address: which of
the two counts must not depend on who reads it.
"""

from __future__ import annotations

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.context import trace_id_of
from service.api.cookies import drop_escaped_cookies
from service.api.errors import INTERNAL_MESSAGE, answer_error, error_response
from service.api.unexpected import log_unexpected
from service.errors import InternalError, InvalidRequest

_SINGLE = frozenset(
    {
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"host",
        b"origin",
        b"x-csrf-token",
    }
)
_OURS = b"x-gaugeway-"


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
            doubled = _doubled(scope["headers"])
            if doubled is not None:
                refused = answer_error(Request(scope), doubled)
                await refused(scope, receive, send_with_trace_id)
                return
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


def _doubled(fields: list[tuple[bytes, bytes]]) -> InvalidRequest | None:
    """The error for a header that stands for one value and was sent more than once."""
    names = [name for name, _ in fields]
    if len(set(names)) == len(names):
        return None
    for name in names:
        if (name in _SINGLE or name.startswith(_OURS)) and names.count(name) > 1:
            return InvalidRequest(
                f"The header '{name.decode('latin-1')}' was sent more than once. Send it once.",
                code="doubled_header",
            )
    return None
