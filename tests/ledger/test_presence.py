"""A worker that is gone is missed at once; one that is slow, or whose Redis went, is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from service.ledger.presence import (
    ABSENT_SECONDS,
    SIGN_SECONDS,
    SILENT_SECONDS,
    WRITERS_KEY,
    Presence,
)
from service.redis_store import RedisStore, StoreUnavailable
from tests.ledger.servers import Server

LOOK = 0.75


@dataclass
class Clock:
    """A clock that is turned by hand."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Worker:
    """One worker's view of who lives."""

    presence: Presence
    store: RedisStore
    missed: list[str] = field(default_factory=list[str])

    async def look(self) -> Sequence[str]:
        found = await self.presence.look()
        self.missed += found
        return found

    async def die(self) -> None:
        """All its connections go, and nothing is said."""
        await self.store.close()


class Workers:
    """Several workers of one Redis that share a clock."""

    def __init__(self, url: str) -> None:
        self.clock = Clock()
        self.all: dict[str, Worker] = {}
        self._url = url

    async def begin(self, *names: str) -> None:
        for name in names:
            store = RedisStore(self._url, timeout=1, pool_size=4, probe_seconds=0.05)
            self.all[name] = Worker(Presence(store, name, clock=self.clock), store)
            await self.all[name].look()

    async def pass_time(self, seconds: float, *who: str) -> None:
        """These look as often as workers do."""
        until = self.clock.seconds + seconds
        while self.clock.seconds < until:
            self.clock.seconds += LOOK
            for name in who:
                await self.all[name].look()


@asynccontextmanager
async def workers(url: str, *names: str) -> AsyncGenerator[Workers]:
    made = Workers(url)
    await made.begin(*names)
    try:
        yield made
    finally:
        for worker in made.all.values():
            await worker.store.close()


async def listed(worker: Worker) -> set[str]:
    found = await worker.store.run("HKEYS", lambda redis: cast("Any", redis).hkeys(WRITERS_KEY))
    return {name.decode() for name in found}


async def test_a_worker_that_is_gone_is_missed_by_all_others_within_three_seconds(
    redis: Server,
) -> None:
    async with workers(redis.url, "a", "b", "c") as run:
        await run.pass_time(5, "a", "b", "c")
        await run.all["b"].die()
        await run.pass_time(3 - LOOK, "a", "c")
        assert set(run.all["a"].missed) == set(run.all["c"].missed) == {"b"}


async def test_who_starts_later_misses_whoever_was_left_on_the_list(redis: Server) -> None:
    async with workers(redis.url, "a") as run:
        await run.all["a"].die()
        await run.begin("b")
        await run.pass_time(3 - LOOK, "b")
        assert set(run.all["b"].missed) == {"a"}


async def test_one_that_does_not_look_for_a_while_is_not_missed(redis: Server) -> None:
    async with workers(redis.url, "slow", "b") as run:
        await run.pass_time(SILENT_SECONDS - SIGN_SECONDS - 2 * LOOK, "b")
        assert run.all["b"].missed == []
        await run.pass_time(2 * SILENT_SECONDS, "slow", "b")
        assert run.all["b"].missed == []


async def test_one_that_says_nothing_for_a_minute_is_missed_though_its_connection_stands(
    redis: Server,
) -> None:
    async with workers(redis.url, "dark", "b") as run:
        await run.pass_time(SILENT_SECONDS + 2 * LOOK, "b")
        assert set(run.all["b"].missed) == {"dark"}


async def test_one_that_ends_in_order_is_missed_by_nobody(redis: Server) -> None:
    async with workers(redis.url, "a", "b") as run:
        await run.pass_time(2, "a", "b")
        await run.all["a"].presence.leave()
        await run.all["a"].die()
        await run.pass_time(2 * SILENT_SECONDS, "b")
        assert run.all["b"].missed == []
        assert await listed(run.all["b"]) == {"b"}


async def test_nobody_is_missed_when_redis_starts_anew(own_redis: Server) -> None:
    async with workers(own_redis.url, "a", "b", "c") as run:
        await run.pass_time(12, "a", "b", "c")
        own_redis.kill()
        for name in "abc":
            with pytest.raises(StoreUnavailable):
                await run.all[name].look()
        run.clock.seconds += 1
        own_redis.start()
        await back(*run.all.values())
        # One of them takes its time to come back.
        await run.pass_time(ABSENT_SECONDS - LOOK, "a", "b")
        await run.pass_time(2 * SILENT_SECONDS, "a", "b", "c")
        assert [worker.missed for worker in run.all.values()] == [[], [], []]


async def back(*some: Worker) -> None:
    """Until their stores have found that Redis answers again."""
    async with asyncio.timeout(20):
        while not all(worker.store.available for worker in some):
            await asyncio.sleep(0.01)


async def test_one_whose_connection_broke_is_seen_again_after_its_next_look(
    redis: Server,
) -> None:
    async with workers(redis.url, "a", "b") as run:
        await run.pass_time(2, "a", "b")
        redis.ask(b"CLIENT KILL TYPE pubsub")
        await run.pass_time(2 * SILENT_SECONDS, "b", "a")
        assert run.all["a"].missed == run.all["b"].missed == []


async def test_after_it_was_stopped_itself_a_worker_does_not_miss_the_others(
    redis: Server,
) -> None:
    async with workers(redis.url, "a", "b") as run:
        await run.pass_time(2, "a", "b")
        run.clock.seconds += 10 * SILENT_SECONDS
        await run.pass_time(5, "a", "b")
        assert run.all["a"].missed == run.all["b"].missed == []


async def test_one_that_may_not_subscribe_is_missed_once_it_says_nothing(
    redis: Server, caplog: pytest.LogCaptureFixture
) -> None:
    assert redis.ask(b"ACL SETUSER some on >word ~* +@all -subscribe").startswith(b"+OK")
    url = redis.url.replace("unix://", "unix://some:word@")
    try:
        async with workers(url, "a", "b") as run:
            assert "a worker that is killed is missed only after 60 s" in caplog.text
            await run.pass_time(SILENT_SECONDS, "a", "b")
            assert run.all["a"].missed == run.all["b"].missed == []
            await run.all["a"].die()
            await run.pass_time(SILENT_SECONDS / 2, "b")
            assert run.all["b"].missed == []
            await run.pass_time(SILENT_SECONDS, "b")
            assert set(run.all["b"].missed) == {"a"}
    finally:
        redis.ask(b"ACL DELUSER some")


async def test_who_was_taken_off_the_list_puts_itself_on_it_again(redis: Server) -> None:
    async with workers(redis.url, "a", "b") as run:
        redis.empty()
        await run.pass_time(3, "a", "b")
        assert await listed(run.all["a"]) == {"a", "b"}
