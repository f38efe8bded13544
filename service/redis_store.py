"""Shared state in Redis, behind a breaker: a dead Redis costs a request nothing.

After a failure no command is sent until Redis answers again. It is asked at once, so that one slow
command puts nothing out of action for long, then twice a second. Commands are timed by the
telemetry library, which watches redis-py itself.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

T = TypeVar("T")

PROBE_SECONDS = 0.5


class StoreUnavailable(Exception):  # noqa: N818 - says what is the case
    """Redis cannot be used now; the message names the kind of failure, never the URL."""


class Breaker:
    """Open from the first failure until something is answered again.

    While it is open only checks in the background try, so that no request waits for a dead Redis.
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
    """The commands this service sends, each raising only `StoreUnavailable`.

    What must not share its fate with others takes a store, and so a breaker, of its own.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        pool_size: int,
        breaker: Breaker | None = None,
        probe_seconds: float = PROBE_SECONDS,
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
        self._probe_seconds = probe_seconds
        self._probe: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def available(self) -> bool:
        """Whether Redis answered when it was last asked."""
        return not self._breaker.open

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
        self._closed = True
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)
        await self._redis.aclose()
        await self._pool.aclose()

    async def _send(
        self, name: str, command: Callable[[], Awaitable[T]], *, force: bool = False
    ) -> T:
        if self._breaker.open and not force:
            self._watch()
            raise StoreUnavailable(
                "Redis failed a moment ago; the next check will tell whether it is back."
            )
        try:
            answer = await command()
        except (RedisError, OSError) as error:
            _raise_swallowed_cancellation()
            self._breaker.failed()
            self._watch()
            kind = "timeout" if isinstance(error, RedisTimeout) else type(error).__name__
            raise StoreUnavailable(f"Redis did not answer {name} ({kind}).") from None
        _raise_swallowed_cancellation()
        self._breaker.succeeded()
        return answer

    def _watch(self) -> None:
        if self._closed or (self._probe is not None and not self._probe.done()):
            return
        # In a context of its own: the check is no part of the request that met the failure.
        self._probe = asyncio.get_running_loop().create_task(
            self._probe_until_answered(), context=contextvars.Context()
        )

    async def _probe_until_answered(self) -> None:
        while self._breaker.open and not self._closed:
            try:
                await cast("Any", self._redis).ping()
            except (RedisError, OSError):
                _raise_swallowed_cancellation()
                await asyncio.sleep(self._probe_seconds)
            else:
                self._breaker.succeeded()


def _raise_swallowed_cancellation() -> None:
    """Go on with a cancellation that redis-py lost, as it can while it sets up a connection."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
