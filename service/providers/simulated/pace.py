"""Waiting as a slow provider makes one wait, within the timeouts the transport would keep."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable

from service.errors import ProviderTimeout
from service.providers.protocol import Call

Sleep = Callable[[float], Awaitable[None]]


class Pace:
    """The time of one attempt; no more than its timeouts allow passes here."""

    def __init__(self, call: Call, sleep: Sleep) -> None:
        self._call = call
        self._sleep = sleep
        self._left = call.timeout.total

    async def wait(self, milliseconds: float) -> None:
        """Wait; raises `ProviderTimeout` after as long as the transport would wait for a byte."""
        seconds = milliseconds / 1000
        read = self._call.timeout.read
        if seconds < min(read, self._left):
            self._left -= seconds
            if seconds > 0:
                await self._sleep(seconds)
            return
        kind = "read" if read <= self._left else "deadline"
        await self._sleep(min(read, self._left))
        raise ProviderTimeout(
            f"The target '{self._call.target}' took too long (simulated); "
            f"the {kind} timeout passed.",
            timeout_kind=kind,
        )

    async def hang(self) -> None:
        """Wait until a timeout passes, and raise it."""
        await self.wait(math.inf)
