"""Remembers in Redis by whose midnight the ledger's days begin, for who reads it elsewhere.

An export may run on another machine, or from cron, without the service's environment; days of
another time zone would be given the wrong beginning.
"""

from __future__ import annotations

import contextlib
from typing import Any

from service.ledger.calendar import PREFIX
from service.redis_store import RedisStore, StoreUnavailable

_KEY = f"{PREFIX}time_zone"


async def remember_time_zone(redis: RedisStore, time_zone: str) -> None:
    """Write it down; without Redis the next start will."""

    async def send(client: Any) -> object:
        return await client.set(_KEY, time_zone)

    with contextlib.suppress(StoreUnavailable):
        await redis.run("SET", send)


async def remembered_time_zone(redis: RedisStore) -> str | None:
    """The zone that a service last wrote with; None where none has. Raises `StoreUnavailable`."""
    found = await redis.get(_KEY)
    return None if found is None else found.decode()
