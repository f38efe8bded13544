"""Hooks into the lifespan of any Starlette or FastAPI application: event-loop lag, and the end."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from otel.bootstrap.hooks import when_imported
from otel.instruments import Histogram

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Lifespan = Callable[[Any, Scope, Receive, Send], Awaitable[None]]

_INTERVAL: Final = 0.5
_LAST_WORDS: Final = ("lifespan.shutdown.complete", "lifespan.shutdown.failed")


class LagMonitor:
    """Asks the loop to wake it every half second and records how late it was woken."""

    def __init__(self, loop: asyncio.AbstractEventLoop, lag: Histogram) -> None:
        self._loop = loop
        self._lag = lag
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._again()

    def stop(self) -> None:
        """Record nothing more."""
        if self._timer is not None:
            self._timer.cancel()

    def _again(self) -> None:
        self._due = self._loop.time() + _INTERVAL
        self._timer = self._loop.call_at(self._due, self._woken)

    def _woken(self) -> None:
        self._lag.record(max(0.0, self._loop.time() - self._due))
        self._again()


def watch_lifespans(lag: Callable[[], Histogram], at_end: Callable[[], object] | None) -> None:
    """Have the lag measured, and `at_end` called in a thread when an application has ended.

    Takes effect when Starlette is imported, and never if it is not.
    """

    def patch(module: Any) -> None:
        router = module.Router
        original: Lifespan = router.lifespan
        router.lifespan = _watched(original, lag, at_end)

    when_imported("starlette.routing", patch)


def _watched(
    original: Lifespan, lag: Callable[[], Histogram], at_end: Callable[[], object] | None
) -> Lifespan:
    @functools.wraps(original)
    async def lifespan(router: Any, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_last(message: Message) -> None:
            if at_end is not None and message["type"] in _LAST_WORDS:
                await asyncio.to_thread(at_end)
            await send(message)

        monitor = LagMonitor(asyncio.get_running_loop(), lag())
        try:
            await original(router, scope, receive, send_last)
        finally:
            monitor.stop()

    return lifespan
