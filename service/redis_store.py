"""Shared state in Redis, behind a breaker: a dead Redis costs a request nothing.

After a failure no command is sent until the health check, which goes past the breaker, finds that
Redis answers again. Commands are timed by the telemetry library, which watches
redis-py itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

T = TypeVar("T")


class StoreUnavailable(Exception):  # noqa: N818 - says what is the case
    """Redis cannot be used now; the message names the kind of failure, never the URL."""


class Breaker:
    """Open from the first failure until something is answered again.

    While it is open only the background check tries, so that no request waits for a dead Redis.
    """

    def __init__(self) -> None:
        self.open = False

    def failed(self) -> None:
        """A command failed."""
        self.open = True

    def succeeded(self) -> None:
        """A command was answered."""
        self.open = False


class RedisStore:
    """The commands this service sends, each raising only `StoreUnavailable`."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        pool_size: int,
        breaker: Breaker | None = None,
    ) -> None:
        self._pool: ConnectionPool = ConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType] - untyped kwargs
            url,
            max_connections=pool_size,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = Redis(connection_pool=self._pool)
        self._breaker = breaker or Breaker()

    async def get(self, key: str) -> bytes | None:
        """The value of a key."""
        return cast("bytes | None", await self._send("GET", lambda: self._redis.get(key)))

    async def run(self, name: str, command: Callable[[Redis], Awaitable[T]]) -> T:
        """Send what `command` makes of the client; the name is for messages."""
        return await self._send(name, lambda: command(self._redis))

    async def ping(self) -> None:
        """Ask Redis whether it is there, whatever the breaker says."""
        await self._send("PING", lambda: cast("Any", self._redis).ping(), force=True)

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()
        await self._pool.aclose()

    async def _send(
        self, name: str, command: Callable[[], Awaitable[T]], *, force: bool = False
    ) -> T:
        if self._breaker.open and not force:
            raise StoreUnavailable(
                "Redis failed a moment ago; the next check will tell whether it is back."
            )
        try:
            answer = await command()
        except (RedisError, OSError) as error:
            _raise_swallowed_cancellation()
            self._breaker.failed()
            kind = "timeout" if isinstance(error, RedisTimeout) else type(error).__name__
            raise StoreUnavailable(f"Redis did not answer {name} ({kind}).") from None
        _raise_swallowed_cancellation()
        self._breaker.succeeded()
        return answer


def _raise_swallowed_cancellation() -> None:
    """Go on with a cancellation that redis-py lost, as it can while it sets up a connection."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
