"""Connections to Redis that are made, used and given up together, and what a server is asked."""

from __future__ import annotations

import contextlib
from typing import Any, cast

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

_PROBE_KEY = "gaugeway:{ledger}:probe"
# What the service sends runs in scripts, so that is what must be allowed.
_PROBE = "return redis.call('SET', KEYS[1], '1', 'EX', 60)"


class Connections:
    """A pool and its client. `users` is how many commands are under way; retired, none is begun."""

    def __init__(self, url: str, *, timeout: float, pool_size: int) -> None:
        self._pool: ConnectionPool = ConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType] - untyped kwargs
            url,
            # One more than commands may use, for asking where the connections lead.
            max_connections=pool_size + 1,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
        )
        self.redis: Redis = Redis(connection_pool=self._pool)
        self.users = 0
        self.retired = False
        self.run: str | None = None
        """The run of the server they lead to, once it was asked."""

    async def close(self) -> None:
        """Close all of them; one that does not close in time is left to the system."""
        with contextlib.suppress(RedisError, OSError):
            await self.redis.aclose()
            await self._pool.aclose()
        if not self.users:
            # What is closed is counted as idle for as long as it is listed.
            self._pool.reset()


async def take_write(redis: Redis) -> None:
    """See that Redis takes what the service sends, a script that writes. Raises `RedisError`.

    A replica, or a server without memory, disk or rights, answers PING all the same.
    """
    await cast("Any", redis).eval(_PROBE, 1, _PROBE_KEY)


async def run_of(redis: Redis) -> str | None:
    """Which run of which server answers; None where it does not tell. Raises `RedisError`."""
    told = await cast("Any", redis).info("server")
    return told.get("run_id")
