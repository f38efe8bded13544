"""Notices that a client has gone away, and ends what was under way for it."""

from __future__ import annotations

import asyncio

from starlette.types import Receive

from service.interruption import Interruption


class DisconnectWatch:
    """Interrupts one request when its client goes away; the body must have been read before."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._task: asyncio.Task[None] | None = None

    def begin(self, interruption: Interruption) -> None:
        """Watch from now on."""
        self._task = asyncio.create_task(self._watch(interruption), name="watch for disconnect")

    def end(self) -> None:
        """Watch no longer; safe to repeat."""
        if self._task is not None:
            self._task.cancel()

    async def _watch(self, interruption: Interruption) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        interruption.interrupt("client_disconnect")
