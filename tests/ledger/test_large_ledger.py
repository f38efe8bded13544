"""A ledger of many apps and models is read in parts, and days that are over only now and again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from service.ledger import hashes, sums
from service.ledger.calendar import Calendar
from service.ledger.days import FinishedDays
from service.ledger.documents import Day, Totals
from service.ledger.reading import LedgerReader
from service.redis_store import RedisStore
from tests.ledger.building import NOON, entry, opened
from tests.ledger.servers import Server

T = TypeVar("T")
DAY_MS = 86_400_000


def now() -> datetime:
    return datetime.fromtimestamp(NOON / 1000, UTC)


class Counting(RedisStore):
    """Counts how often it is asked."""

    asked = 0

    async def run(self, name: str, command: Callable[[Any], Awaitable[T]]) -> T:
        self.asked += 1
        return await super().run(name, command)


async def test_a_hash_that_is_told_in_many_texts_has_every_counter_once(redis: Server) -> None:
    store = RedisStore(redis.url, timeout=5, pool_size=2)
    wanted: dict[str, str] = {f"app-{n}\x1frequests": str(n + 1) for n in range(9_000)}

    async def write(client: Any) -> object:
        return await client.hset("h", mapping=wanted)

    try:
        await store.run("HSET", write)
        texts, nothing = await store.run(
            "HSCAN", lambda client: hashes.read(client, ["h", "absent"])
        )
    finally:
        await store.close()
    assert len(texts.parts) > 3
    assert dict(hashes.fields(texts).amounts) == wanted
    assert dict(hashes.fields(nothing).amounts) == {}
    assert sums.whole(sums.by_value([hashes.fields(texts)])) == {"requests": 9_000 * 9_001 // 2}


async def test_days_that_are_over_are_read_once_in_a_while(redis: Server, tmp_path: Path) -> None:
    seconds = 0.0
    finished = FinishedDays(clock=lambda: seconds, kept_seconds=300)
    store = Counting(redis.url, timeout=5, pool_size=2)
    try:
        async with opened(redis.url, tmp_path) as parts:
            reader = LedgerReader(store, Calendar("UTC"), now=now, finished=finished)
            for number in range(3):
                await parts.ledger.post(entry(number, asked_at=NOON - number * DAY_MS))
            first = await reader.history(3)
            assert store.asked == 3
            await parts.ledger.post(entry(9))
            again = await reader.history(3)
            assert store.asked == 4
            assert again[:2] == first[:2]
            assert [day.totals.requests for day in again] == [1, 1, 2]
            await parts.ledger.post(entry(10, asked_at=NOON - DAY_MS))
            seconds = 300.0
            assert [day.totals.requests for day in await reader.history(3)] == [1, 2, 2]
    finally:
        await store.close()


async def test_a_day_is_not_remembered_while_entries_wait_that_may_be_of_it(
    redis: Server, tmp_path: Path
) -> None:
    waits = False

    async def waiting() -> bool:
        return waits

    async with opened(redis.url, tmp_path) as parts:
        reader = LedgerReader(parts.redis, Calendar("UTC"), now=now, waiting=waiting)
        yesterday = NOON - DAY_MS
        await parts.ledger.post(entry(1, asked_at=yesterday))
        assert (await reader.history(2))[0].totals.requests == 1
        waits = True
        await parts.ledger.post(entry(2, asked_at=yesterday))
        assert (await reader.history(2))[0].totals.requests == 2
        waits = False
        await parts.ledger.post(entry(3, asked_at=yesterday))
        assert (await reader.history(2))[0].totals.requests == 3


def test_what_is_remembered_is_bounded() -> None:
    seconds = 0.0
    finished = FinishedDays(clock=lambda: seconds, kept_seconds=10, most_totals=40)

    def day(back: int, apps: int) -> Day:
        by_app = {f"app-{n}": Totals() for n in range(apps)}
        date = (now().date() - timedelta(days=back)).isoformat()
        return Day(date=date, totals=Totals(), by_service={}, by_model={}, by_app=by_app)

    days = [day(back, 15) for back in range(3)]
    for one in days:
        finished.keep(one)
    assert [finished.get(one.date) is not None for one in days] == [True, True, False]
    seconds = 10.0
    assert finished.get(days[0].date) is None
    finished.keep(days[2])
    assert finished.get(days[2].date) is days[2]
