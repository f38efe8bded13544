"""What guards operators needs of Redis, where it keeps what all workers are to know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from redis.asyncio import Redis


class Store(Protocol):
    """The one way in."""

    async def run(self, name: str, command: Callable[[Redis], Awaitable[Any]]) -> Any:
        """Send what `command` makes of the client. Raises `StoreUnavailable`."""
        ...
