"""How often wrong keys may be tried: from one address, for one key, and for keys nobody has.

The right key is let in whatever others try. A key's secret has 256 random bits and cannot be
guessed, and checking one costs less than refusing to; so the limits bar nobody. They make guessing
visible, and keep a flood of it from being answered with more than a few words. They are counted in
Redis for all workers, and by each worker alone while Redis is away.
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
"""Wrong keys of one address in a window."""
BY_KEY: Final = 100
"""Wrong secrets for one key's id in a window, from all addresses together."""
BY_UNKNOWN: Final = 100
"""Keys in a window whose id nobody has, from all addresses together."""
_PREFIX: Final = "gaugeway:login:"
_UNKNOWN: Final = "unknown"
_MOST: Final = 10_000
"""Addresses and keys that a worker remembers."""


class LoginLimits:
    """Counts wrong keys in windows that begin with the first one."""

    def __init__(self, store: Store, *, now: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._now = now
        self._alone: dict[str, tuple[int, float]] = {}
        self._over: dict[str, float] = {}

    async def failed(self, address: str, key_id: str | None) -> float | None:
        """Count a wrong key; None where it is one of few, else seconds until the window is over.

        `key_id` is that of a key there is; None where the id is nobody's.
        """
        limits = {
            f"address:{_group(address)}": BY_ADDRESS,
            _UNKNOWN if key_id is None else f"key:{key_id}": (
                BY_UNKNOWN if key_id is None else BY_KEY
            ),
        }
        # What is known to be over costs no more questions to Redis, and adds no more keys to it.
        for name in limits:
            if (seconds := self._over.get(name, 0.0) - self._now()) > 0:
                return seconds
        # The address first: what it tries beyond its own limit is not counted for others too.
        for name, limit in limits.items():
            count, seconds = await self._count(name)
            if count > limit:
                now = self._now()
                self._over = {known: end for known, end in self._over.items() if end > now}
                self._over[name] = now + seconds
                return seconds
        return None

    async def _count(self, name: str) -> tuple[int, float]:
        try:
            return await self._store.run("INCR", lambda redis: _count(redis, name))
        except StoreUnavailable:
            return self._count_alone(name)

    def _count_alone(self, name: str) -> tuple[int, float]:
        now = self._now()
        count, ends = self._alone.get(name, (0, 0.0))
        if ends <= now:
            count, ends = 0, now + WINDOW_SECONDS
        if len(self._alone) >= _MOST:
            self._alone = {key: kept for key, kept in self._alone.items() if kept[1] > now}
        if name in self._alone or len(self._alone) < _MOST:
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
        return _UNKNOWN
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)
