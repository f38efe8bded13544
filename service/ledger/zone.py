"""Remembers in Redis by whose midnight the ledger's days begin, for who reads it elsewhere.

An export may run on another machine, or from cron, without the service's environment; days of
another time zone would be given the wrong beginning.
"""

from __future__ import annotations

import contextlib
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from redis.exceptions import ResponseError

from service.ledger.calendar import PREFIX
from service.redis_keys import WRONG_TYPE, DamagedKey, is_wrong_type
from service.redis_store import RedisStore, StoreUnavailable

_KEY = f"{PREFIX}time_zone"


async def remember_time_zone(redis: RedisStore, time_zone: str) -> None:
    """Write it down; without Redis the next start will."""

    async def send(client: Any) -> object:
        return await client.set(_KEY, time_zone)

    with contextlib.suppress(StoreUnavailable):
        await redis.run("SET", send)


async def remembered_time_zone(redis: RedisStore) -> str | None:
    """The zone that a service last wrote with; None where none has.

    Raises `StoreUnavailable`, also as `DamagedKey`.
    """

    async def ask(client: Any) -> bytes | None:
        try:
            return await client.get(_KEY)
        except ResponseError as error:
            if is_wrong_type(error):
                raise DamagedKey(_KEY, WRONG_TYPE) from None
            raise

    found = await redis.run("GET", ask)
    if found is None:
        return None
    try:
        return ZoneInfo(found.decode()).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise DamagedKey(_KEY, "it names no time zone") from None
