"""How often logging in may be tried: by one address, and by all together.

A key's secret has 256 bits and cannot be guessed; the limits keep guessing from costing anything
and make it visible. They are counted in Redis for all workers, and by each worker alone while Redis
is away.
"""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from typing import Final, cast

from redis.asyncio import Redis

from service.access.store import Store
from service.redis_store import StoreUnavailable

WINDOW_SECONDS: Final = 300
BY_ADDRESS: Final = 10
"""Attempts of one address in a window; one that succeeds forgets those before it."""
BY_ALL: Final = 100
_PREFIX: Final = "gaugeway:login:"
_ALL: Final = "all"
_MOST_ADDRESSES: Final = 10_000


class LoginLimits:
    """Counts attempts in windows that begin with the first one."""

    def __init__(self, store: Store, *, now: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._now = now
        self._alone: dict[str, tuple[int, float]] = {}

    async def attempt(self, address: str) -> float | None:
        """Count one attempt of an address; None lets it pass, else seconds until the next may."""
        # Its own limit first: what an address tries beyond its own limit must not use up
        # the attempts of all, or it alone could keep every operator out.
        for name, limit in ((_group(address), BY_ADDRESS), (_ALL, BY_ALL)):
            count, seconds = await self._count(name)
            if count > limit:
                return seconds
        return None

    async def forgive(self, address: str) -> None:
        """Forget the attempts of an address that has logged in."""
        name = _group(address)
        self._alone.pop(name, None)
        try:
            await self._store.run("DEL", lambda redis: redis.delete(_PREFIX + name))
        except StoreUnavailable:
            return

    async def _count(self, name: str) -> tuple[int, float]:
        try:
            return await self._store.run("INCR", lambda redis: _count(redis, name))
        except StoreUnavailable:
            return self._count_alone(name)

    def _count_alone(self, name: str) -> tuple[int, float]:
        now = self._now()
        if len(self._alone) >= _MOST_ADDRESSES:
            self._alone = {key: kept for key, kept in self._alone.items() if kept[1] > now}
        count, ends = self._alone.get(name, (0, 0.0))
        if ends <= now:
            count, ends = 0, now + WINDOW_SECONDS
        if name in self._alone or len(self._alone) < _MOST_ADDRESSES:
            self._alone[name] = (count + 1, ends)
        return count + 1, ends - now


async def _count(redis: Redis, name: str) -> tuple[int, float]:
    key = _PREFIX + name
    pipeline = redis.pipeline(transaction=True)
    # The first attempt begins the window: EXPIRE knows no NX before Redis 7.
    pipeline.set(key, 0, ex=WINDOW_SECONDS, nx=True)
    pipeline.incr(key)
    pipeline.pttl(key)
    _, count, left = cast("tuple[bool, int, int]", await pipeline.execute())
    return count, max(left, 1) / 1000


def _group(address: str) -> str:
    """Those who can take any address of a network are one: the 64 bits that name it in IPv6."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)
