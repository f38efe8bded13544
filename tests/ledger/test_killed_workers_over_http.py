"""Workers are killed with -9 while they answer; what they had reserved is in the books, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from bench.scrape import samples
from bench.serving import INSTRUMENT, Serving
from otel import names
from service.ledger.presence import ABSENT_SECONDS
from tests.ledger.killed_workers import (
    NO_BUDGETS,
    Books,
    Clients,
    books,
    kill,
    pids_of,
    resume,
    service,
    stop,
    until_true,
)
from tests.ledger.servers import Server

pytestmark = pytest.mark.timeout(300)


async def settled(
    told: Books, clients: Clients, estimated: int, *, budgets: bool = True
) -> Decimal:
    """The books hold every answer exactly, and so many estimates beside; what these cost."""

    async def complete() -> bool:
        return (await told.totals()).requests >= len(clients.costs) + estimated

    await until_true(complete, "all entries")
    totals = await told.totals()
    assert totals.requests == len(clients.costs) + estimated
    assert totals.estimated_requests == totals.errors == estimated
    cost = Decimal(totals.cost_usd)
    assert await told.budget() == (cost if budgets else 0, 0)
    return cost - clients.told


async def test_what_the_busiest_of_three_workers_had_open_is_entered_once_by_the_others(
    redis: Server, tmp_path: Path
) -> None:
    async with (
        service(tmp_path, redis.url, workers=3, instrument=INSTRUMENT) as (served, clients),
        books(redis.url) as told,
    ):
        await clients.plain(20)
        await clients.streams(30, tokens=60)
        clients.plain_later(6, tokens=60)
        await until_true(lambda: begun(told, 36), "plain requests to begin")
        _, reserved = await told.budget()
        victim = await told.busiest()
        lost = await told.open(victim)
        assert lost > 5
        kill(victim)
        await told.missed(victim)
        totals = await told.totals()
        # Whoever is left has answered none of the slow ones yet, and told what is gone.
        assert totals.requests == 20 + lost
        spent, still_reserved = await told.budget()
        assert spent == Decimal(totals.cost_usd)
        assert spent - clients.told + still_reserved == reserved
        await clients.over()
        assert clients.broken == lost
        estimate = await settled(told, clients, lost)
        assert estimate > 0
        await served_again(served, told, victim)
        assert await settled(told, clients, lost) == estimate
        log = served.log.read_text()
        assert log.count("is gone without having ended") == 1
        assert f"process {victim} " in log
        assert workers_lost(served) == 1


async def begun(told: Books, number: int) -> bool:
    return sum([await told.open(pid) for pid in await told.workers()]) == number


async def served_again(served: Serving, told: Books, victim: int) -> None:
    """Wait until another worker has taken the place of one."""

    async def complete() -> bool:
        return len(pids_of(served.pid) & set(await told.workers())) == 3

    await until_true(complete, "another worker")
    assert victim not in await told.workers()


def workers_lost(served: Serving) -> float:
    name = names.WORKERS_LOST.prometheus
    return sum(value for found, _, value in samples(served.get("/metrics")) if found == name)


async def test_the_only_workers_successor_enters_what_it_left(
    redis: Server, tmp_path: Path
) -> None:
    async with service(tmp_path / "first", redis.url) as (served, before), books(redis.url) as told:
        await before.plain(3)
        await before.streams(5)
        kill(served.pid)
        await before.over()
    async with service(tmp_path / "first", redis.url) as (_, after):
        await told_missed(redis, served.pid)
        await after.plain(2)
        before.costs += after.costs
        async with books(redis.url) as told:
            assert await settled(told, before, 5) > 0


async def told_missed(redis: Server, pid: int) -> None:
    async with books(redis.url) as told:
        await told.missed(pid)


async def test_a_service_elsewhere_on_the_same_redis_enters_what_another_left(
    redis: Server, tmp_path: Path
) -> None:
    async with (
        service(tmp_path / "here", redis.url) as (_, others),
        service(tmp_path / "there", redis.url) as (served, clients),
        books(redis.url) as told,
    ):
        await others.plain(2)
        await clients.streams(4)
        kill(served.pid)
        await told.missed(served.pid)
        await clients.over()
        clients.costs += others.costs
        assert await settled(told, clients, 4) > 0
        assert not (tmp_path / "here" / "home" / "journal").exists()


async def test_a_worker_that_is_stopped_for_a_while_is_not_missed(
    redis: Server, tmp_path: Path
) -> None:
    async with (
        service(tmp_path / "here", redis.url),
        service(tmp_path / "there", redis.url) as (served, clients),
        books(redis.url) as told,
    ):
        await clients.streams(4, tokens=40)
        stop(served.pid)
        # Far longer than it takes to miss one that is gone.
        await asyncio.sleep(4 * ABSENT_SECONDS)
        assert await told.open(served.pid) == 4
        assert (await told.totals()).requests == 0
        resume(served.pid)
        await clients.over()
        assert await settled(told, clients, 0) == 0


async def test_requests_that_no_budget_concerns_are_entered_too_once_they_last_a_moment(
    redis: Server, tmp_path: Path
) -> None:
    async with (
        service(tmp_path / "here", redis.url, budgets=NO_BUDGETS),
        service(tmp_path / "there", redis.url, budgets=NO_BUDGETS) as (served, clients),
        books(redis.url) as told,
    ):
        await clients.plain(3)
        await clients.streams(4)
        await until_true(lambda: begun(told, 4), "the streams to be noted")
        kill(served.pid)
        await told.missed(served.pid)
        await clients.over()
        assert await settled(told, clients, 4, budgets=False) > 0


async def test_a_worker_killed_while_redis_is_away_is_missed_when_it_is_back(
    own_redis: Server, tmp_path: Path
) -> None:
    async with (
        service(tmp_path / "here", own_redis.url) as (others, _),
        service(tmp_path / "there", own_redis.url) as (served, clients),
    ):
        async with books(own_redis.url) as told:
            await clients.streams(4)
            assert await told.open(served.pid) == 4
        await asyncio.sleep(1.5)  # What Redis took a second ago it has on disk.
        own_redis.kill()
        kill(served.pid)
        await clients.over()
        own_redis.start()
        async with books(own_redis.url) as told:
            await told.missed(served.pid)
            assert others.pid in await told.workers()
            assert await settled(told, clients, 4) > 0


class Wire:
    """A way to Redis that can be cut, and mended."""

    def __init__(self, redis: Server) -> None:
        self._path = redis.url.removeprefix("unix://")
        self._ends: set[asyncio.StreamWriter] = set()
        self._cut = False
        self.port = 0

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def cut(self) -> None:
        self._cut = True
        for end in self._ends:
            end.close()

    def mend(self) -> None:
        self._cut = False

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.close()
            return
        to_reader, to_writer = await asyncio.open_unix_connection(self._path)
        self._ends |= {writer, to_writer}
        await asyncio.gather(self._pass(reader, to_writer), self._pass(to_reader, writer))
        self._ends -= {writer, to_writer}

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def wire(redis: Server) -> AsyncGenerator[Wire]:
    made = Wire(redis)
    server = await asyncio.start_server(made.carry, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        made.cut()
        server.close()
        await server.wait_closed()


async def test_what_a_worker_that_was_cut_off_enters_later_takes_the_estimates_place(
    redis: Server, tmp_path: Path
) -> None:
    async with (
        wire(redis) as way,
        service(tmp_path / "here", redis.url),
        service(tmp_path / "there", way.url) as (served, clients),
        books(redis.url) as told,
    ):
        await clients.streams(4, tokens=40)
        way.cut()
        await told.missed(served.pid)
        assert (await told.totals()).estimated_requests == 4
        assert (await told.budget())[1] == 0
        await clients.over()
        assert clients.broken == 0
        way.mend()

        async def exact() -> bool:
            return (await told.totals()).estimated_requests == 0

        await until_true(exact, "what it entered itself")
        assert await settled(told, clients, 0) == 0
        await until_true(lambda: on_the_list(told, served.pid), "it to be seen again")
        assert await settled(told, clients, 0) == 0


async def on_the_list(told: Books, pid: int) -> bool:
    return pid in await told.workers()


async def test_a_service_that_ends_in_order_is_missed_by_nobody(
    redis: Server, tmp_path: Path
) -> None:
    async with service(tmp_path / "here", redis.url) as (other, _), books(redis.url) as told:
        async with service(tmp_path / "there", redis.url) as (served, clients):
            await clients.streams(3)
            await asyncio.to_thread(served.stop)
            await clients.over()
        assert set(await told.workers()) == {other.pid}
        await asyncio.sleep(2 * ABSENT_SECONDS)
        assert "is gone" not in other.log.read_text()
        totals = await told.totals()
        assert totals.requests == 3
        assert (await told.budget())[0] == Decimal(totals.cost_usd)
