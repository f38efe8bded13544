"""How long a connection waits for bytes: one timer, moved only when it would have rung."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Patience:
    """Calls `rung` some time after a wait began; who is called says whether that was too long."""

    def __init__(self, loop: asyncio.AbstractEventLoop, rung: Callable[[], None]) -> None:
        self.since = 0.0
        """When the wait began, on the loop's clock; moving it is free."""
        self._loop = loop
        self._rung = rung
        self._timer: asyncio.TimerHandle | None = None

    def wait(self, seconds: float) -> None:
        """Have it ring after `seconds`, unless it is to ring already."""
        if self._timer is None:
            self._timer = self._loop.call_later(seconds, self._ring)

    def over(self, seconds: float) -> bool:
        """Whether the wait has lasted `seconds`; if not, it rings again when it will have."""
        left = self.since + seconds - self._loop.time()
        if left <= 0:
            return True
        self.wait(left)
        return False

    def end(self) -> None:
        """Ring no more. Safe to repeat."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        self._rung()
