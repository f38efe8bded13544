"""How often wrong keys may be tried, counted in Redis and without it; the right one gets in."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from service.access.audit import REFUSALS_A_MINUTE
from service.access.login_limits import (
    BY_ADDRESS,
    BY_KEY,
    BY_UNKNOWN,
    WINDOW_SECONDS,
    LoginLimits,
)
from service.access.store import Store
from service.keys import add_key
from service.redis_store import RedisStore, StoreUnavailable
from tests.admin.crew import crew_of
from tests.admin.operator import Browser, Figures, OperatedService, operated
from tests.service.running import wait_for

AWAY = "redis://127.0.0.1:1/0"


class Away:
    async def run(self, name: str, command: Callable[[Redis], Awaitable[Any]]) -> Any:
        raise StoreUnavailable("away")


class Counted:
    """Hands on to a store and counts."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.commands = 0

    async def run(self, name: str, command: Callable[[Redis], Awaitable[Any]]) -> Any:
        self.commands += 1
        return await self._store.run(name, command)


@pytest.fixture(params=["in Redis", "alone"])
async def store(request: pytest.FixtureRequest, redis_url: str) -> AsyncGenerator[Store]:
    if request.param == "alone":
        yield Away()
        return
    redis = RedisStore(f"{redis_url}?db=7", timeout=5, pool_size=2)
    await redis.run("FLUSHDB", lambda client: cast("Any", client).flushdb())
    yield redis
    await redis.close()


async def test_one_address_uses_up_its_own_tries_and_nobody_elses(store: Store) -> None:
    limits = LoginLimits(store)
    waits = [await limits.failed("192.0.2.7", None) for _ in range(BY_UNKNOWN + 10)]
    assert waits[:BY_ADDRESS] == [None] * BY_ADDRESS
    assert all(wait is not None and 0 < wait <= WINDOW_SECONDS for wait in waits[BY_ADDRESS:])
    assert await limits.failed("192.0.2.8", None) is None


async def test_many_addresses_use_up_the_tries_of_unknown_keys_and_those_of_no_other(
    store: Store,
) -> None:
    limits = LoginLimits(store)
    waits = [await limits.failed(f"192.0.2.{number}", None) for number in range(BY_UNKNOWN + 1)]
    assert waits[:-1] == [None] * BY_UNKNOWN
    assert waits[-1] is not None
    assert await limits.failed("198.51.100.1", "abc") is None
    waits = [await limits.failed(f"2001:db8:{number:x}::1", "abc") for number in range(BY_KEY)]
    assert waits[:-1] == [None] * (BY_KEY - 1)
    assert waits[-1] is not None
    assert await limits.failed("198.51.100.2", "def") is None


async def test_a_flood_costs_few_questions_to_redis_and_adds_few_keys(redis_url: str) -> None:
    redis = RedisStore(f"{redis_url}?db=8", timeout=5, pool_size=2)
    await redis.run("FLUSHDB", lambda client: cast("Any", client).flushdb())
    counted = Counted(redis)
    limits = LoginLimits(counted)
    for number in range(5_000):
        await limits.failed(f"10.{number >> 8}.{number & 255}.1", None)
    assert counted.commands <= 2 * (BY_UNKNOWN + 1)
    keys = await redis.run("DBSIZE", lambda client: cast("Any", client).dbsize())
    assert keys <= BY_UNKNOWN + 2
    await redis.close()


async def test_what_lies_in_the_place_of_a_count_makes_nobody_do_without_redis(
    redis_url: str,
) -> None:
    redis = RedisStore(f"{redis_url}?db=8", timeout=5, pool_size=2)
    await redis.run("FLUSHDB", lambda client: cast("Any", client).flushdb())
    name = "gaugeway:login:unknown"
    await redis.run("LPUSH", lambda client: cast("Any", client).lpush(name, "x"))
    limits = LoginLimits(redis)
    waits = [await limits.failed(f"192.0.2.{number}", None) for number in range(BY_UNKNOWN + 1)]
    assert waits[:-1] == [None] * BY_UNKNOWN
    assert waits[-1] is not None
    assert redis.available
    await redis.close()


@given(
    st.lists(
        st.tuples(
            st.integers(0, WINDOW_SECONDS // 4),
            st.sampled_from(["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2", "nowhere"]),
            st.sampled_from([None, "abc", "def"]),
            st.integers(1, 30),
        ),
        max_size=30,
    )
)
async def test_each_window_lets_pass_its_limit_and_refuses_nothing_before(
    tries: list[tuple[int, str, str | None, int]],
) -> None:
    now = [0.0]
    limits = LoginLimits(Away(), now=lambda: now[0])
    counts: defaultdict[str, int] = defaultdict(int)
    ends: dict[str, float] = {}

    def is_over(name: str, limit: int) -> bool:
        """What the limit says of one more try, by plain counting."""
        if ends.get(name, 0.0) <= now[0]:
            counts[name], ends[name] = 0, now[0] + WINDOW_SECONDS
        counts[name] += 1
        return counts[name] > limit

    for pause, address, key_id, number in tries:
        now[0] += pause
        group = "2001:db8" if ":" in address else address
        key = (f"key {key_id}", BY_KEY) if key_id else ("nobody's", BY_UNKNOWN)
        for _ in range(number):
            key_was_over = ends.get(key[0], 0.0) > now[0] and counts[key[0]] > key[1]
            expected = key_was_over or is_over(group, BY_ADDRESS) or is_over(*key)
            wait = await limits.failed(address, key_id)
            assert (wait is not None) is expected
            assert wait is None or 0 < wait <= WINDOW_SECONDS


@pytest.fixture
def alone(tmp_path: Path) -> Generator[OperatedService]:
    with operated(tmp_path, AWAY, Figures()) as service:
        yield service


@pytest.fixture(params=["Redis", "no Redis"])
def attacked(
    request: pytest.FixtureRequest, tmp_path: Path, redis_url: str
) -> Generator[OperatedService]:
    url = f"{redis_url}?db=9" if request.param == "Redis" else AWAY
    with operated(tmp_path, url, Figures()) as service:
        yield service


def bearer(key: str, address: str = "198.51.100.1") -> dict[str, str]:
    return {"authorization": f"Bearer {key}", "x-forwarded-for": address}


def test_who_can_choose_addresses_shuts_nobody_out(attacked: OperatedService) -> None:
    """Wrong keys by the hundred, with nobody's ids and with the operator's own."""
    identity = attacked.admin.split("_")[1]
    wrong = ["nonsense", f"gw_{identity}_{'0' * 64}", f"gw_0123456789ab_{'0' * 64}", ""]
    seen: set[int] = set()
    for number in range(480):
        key, address = wrong[number % 4], f"203.0.{number >> 6}.{number & 63}"
        seen.add(attacked.get("/admin/usage", bearer(key, address), key=None).status)
    assert seen == {401, 429}
    for address in ("203.0.0.1", "198.51.100.77", "127.0.0.1"):
        reply = attacked.get("/admin/usage", bearer(attacked.admin, address), key=None)
        assert reply.status == 200
        browser = Browser(attacked, {"x-forwarded-for": address})
        assert browser.log_in(attacked.admin).status == 303
        assert browser.open("/admin/usage").status == 200
    made_now = add_key(attacked.home, "new", "admin")
    assert attacked.get("/admin/usage", bearer(made_now, "203.0.0.1"), key=None).status == 200


def test_a_wrong_bearer_is_told_when_to_return_and_a_right_one_is_not(
    alone: OperatedService,
) -> None:
    replies = [
        alone.get("/admin/usage", bearer("nonsense"), key=None) for _ in range(BY_ADDRESS + 1)
    ]
    assert [reply.status for reply in replies] == [401] * BY_ADDRESS + [429]
    assert replies[-1].error["code"] == "too_many_attempts"
    assert 0 < int(replies[-1].headers["retry-after"]) <= WINDOW_SECONDS
    assert alone.get("/admin/usage", bearer(alone.app), key=None).status == 403
    assert alone.get("/admin/usage", bearer(alone.admin), key=None).status == 200
    assert alone.get("/admin/no/such", bearer("nonsense"), key=None).status == 429
    assert Browser(alone, {"x-forwarded-for": "198.51.100.1"}).log_in("nonsense").status == 429


def test_no_key_at_all_is_no_try(alone: OperatedService) -> None:
    """A browser without a session, a probe, a crawler."""
    for _ in range(BY_ADDRESS + 5):
        assert alone.get("/admin/usage", {"x-forwarded-for": "198.51.100.1"}, key=None).status == (
            401
        )
    assert alone.get("/admin/usage", bearer("nonsense"), key=None).status == 401


def test_wrong_keys_at_other_doors_are_answered_alike_and_keep_nobody_out(
    alone: OperatedService,
) -> None:
    statuses = {
        alone.get("/v1/models", bearer("nonsense"), key=None).status for _ in range(BY_UNKNOWN + 20)
    }
    assert statuses == {401}
    assert alone.get("/v1/models", bearer(alone.app), key=None).status == 200
    assert alone.get("/admin/usage", bearer("nonsense"), key=None).status == 401
    for _ in range(BY_ADDRESS + 5):
        reply = alone.get("/api/health", bearer("nonsense"), key=None)
        assert (reply.status, set(reply.json)) == (200, {"status"})


def test_the_address_that_counts_is_the_one_a_trusted_proxy_saw(alone: OperatedService) -> None:
    """What a client wrote into the header itself stands before it."""
    for number in range(BY_ADDRESS):
        forged = f"203.0.113.{number}, 198.51.100.9"
        assert alone.get("/admin/usage", bearer("nonsense", forged), key=None).status == 401
    reply = alone.get("/admin/usage", bearer("nonsense", "192.0.2.1, 198.51.100.9"), key=None)
    assert reply.status == 429


def test_an_address_from_who_is_no_trusted_proxy_does_not_count(tmp_path: Path) -> None:
    with crew_of(tmp_path, AWAY, workers=1, FORWARDED_ALLOW_IPS="192.0.2.200") as crew:
        statuses = [
            Browser(crew, bearer("nonsense", f"203.0.113.{number}")).open("/admin/usage").status
            for number in range(BY_ADDRESS + 3)
        ]
    assert statuses == [401] * BY_ADDRESS + [429] * 3


def test_a_flood_of_wrong_keys_fills_no_log_and_hides_no_known_caller(
    alone: OperatedService, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3 * REFUSALS_A_MINUTE):
        alone.get("/admin/usage", bearer("nonsense", f"203.0.113.{number}"), key=None)
    assert alone.get("/admin/usage", bearer(alone.app), key=None).status == 403

    def known() -> int:
        return sum(hasattr(record, "gaugeway.admin.key_id") for record in caplog.records)

    wait_for(known, "the refusal of a known key, which is written down after its answer")
    refusals = [record for record in caplog.records if record.name == "gaugeway.admin"]
    assert {record.levelno for record in refusals} == {logging.WARNING}
    assert known() == 1
    assert REFUSALS_A_MINUTE <= len(refusals) - 1 <= 2 * REFUSALS_A_MINUTE
    assert sum(record.levelno >= logging.WARNING for record in caplog.records) <= (
        2 * REFUSALS_A_MINUTE + 10
    )
