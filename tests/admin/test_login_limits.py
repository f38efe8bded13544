"""How often logging in may be tried, counted in Redis and without it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, cast

import pytest
from redis.asyncio import Redis

from service.access.login_limits import BY_ADDRESS, BY_ALL, WINDOW_SECONDS, LoginLimits
from service.access.store import Store
from service.redis_store import RedisStore, StoreUnavailable


class Away:
    async def run(self, name: str, command: Callable[[Redis], Awaitable[Any]]) -> Any:
        raise StoreUnavailable("away")


@pytest.fixture(params=["in Redis", "alone"])
async def store(request: pytest.FixtureRequest, redis_url: str) -> AsyncGenerator[Store]:
    if request.param == "alone":
        yield Away()
        return
    redis = RedisStore(f"{redis_url}?db=7", timeout=5, pool_size=2)
    await redis.run("FLUSHDB", lambda client: cast("Any", client).flushdb())
    yield redis
    await redis.close()


async def test_one_address_cannot_use_up_the_attempts_of_all(store: Store) -> None:
    limits = LoginLimits(store)
    waits = [await limits.attempt("192.0.2.7") for _ in range(BY_ALL + 10)]
    assert waits[:BY_ADDRESS] == [None] * BY_ADDRESS
    assert all(wait is not None and 0 < wait <= WINDOW_SECONDS for wait in waits[BY_ADDRESS:])
    assert await limits.attempt("192.0.2.8") is None


async def test_many_addresses_together_have_a_limit_too(store: Store) -> None:
    limits = LoginLimits(store)
    waits = [await limits.attempt(f"192.0.2.{number}") for number in range(BY_ALL + 1)]
    assert waits[:-1] == [None] * BY_ALL
    assert waits[-1] is not None
