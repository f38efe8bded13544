"""Tells the server in one line why the application does not start, where it knows why."""

from __future__ import annotations

import traceback

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from otel.redaction import redact
from service.start_failures import start_failure


class LifespanMiddleware:
    """Replaces the traceback that the framework sends the server, which logs it.

    `app.state.start_error` is what ended the start. What nobody foresaw keeps its traceback,
    without its secrets.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; only the lifespan is touched."""
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_in_words(message: Message) -> None:
            error = getattr(scope["app"].state, "start_error", None)
            if message["type"] == "lifespan.startup.failed" and error is not None:
                message["message"] = start_failure(error) or redact(
                    "".join(traceback.format_exception(error))
                )
            await send(message)

        await self._app(scope, receive, send_in_words)
