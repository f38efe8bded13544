"""Redis is killed under load, over HTTP; in the end the ledger is what the answers said, exactly.

Two workers and a real Redis: killed with -9, killed again while journals are being applied, and
killed with the end of its file missing, as after a power cut.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from math import inf
from pathlib import Path
from time import monotonic

import pytest

from tests.ledger.loaded import REQUESTS, WITHIN, Books, Load, Service, books, service, until
from tests.ledger.servers import Server, programs, server

LOST_BYTES = 50_000
# The file is not rewritten meanwhile, so that its end is what was written last.
OPTIONS = ("--auto-aof-rewrite-percentage", "0")


@dataclass(frozen=True, slots=True)
class Run:
    """The service and the Redis that things happen to."""

    service: Service
    books: Books
    redis: Server

    async def restart(self, load: Load) -> None:
        """Start Redis again, once entries wait on disk; under load as before."""
        await until(lambda: any(self.service.journals()), "a journal to be used")
        await load.go_on()
        await asyncio.to_thread(self.redis.start, *OPTIONS)

    async def kill_when_it_takes_entries(self, counted: int) -> None:
        """Kill Redis as soon as it has counted so many: journals are being applied."""
        async with asyncio.timeout(WITHIN):
            while await self.books.requests() < counted:
                await asyncio.sleep(0.005)
        await asyncio.to_thread(self.redis.kill)

    async def power_cut(self) -> None:
        """Kill Redis and take from its disk what it wrote last, of less than two seconds."""
        before, since = 0, -inf
        while self.redis.bytes_on_disk() < before + LOST_BYTES or before == 0:
            if monotonic() > since + 1:
                before, since = self.redis.bytes_on_disk(), monotonic()
            await asyncio.sleep(0.005)
        await asyncio.to_thread(self.redis.kill)
        self.redis.forget(self.redis.bytes_on_disk() - before + 1)


@pytest.mark.timeout(300)
async def test_the_ledger_is_what_the_answers_said_after_redis_was_killed_under_load(
    tmp_path: Path,
) -> None:
    load = Load()
    with server(programs()["embedded"], tmp_path / "redis", *OPTIONS) as redis:
        async with (
            service(tmp_path, redis.url) as served,
            books(redis.url) as read,
            asyncio.TaskGroup() as tasks,
        ):
            run = Run(served, read, redis)
            clients = tasks.create_task(load.run(served.app.url, served.home))
            await load.go_on()
            counted = await read.requests()
            await asyncio.to_thread(redis.kill)
            await run.restart(load)
            await run.kill_when_it_takes_entries(counted + REQUESTS // 2)
            await run.restart(load)
            await served.caught_up()
            await run.power_cut()
            await run.restart(load)
            await served.caught_up()
            await load.go_on()
            load.stopping = True
            await clients

            await served.caught_up()
            load.all_answered()
            await read.exact(load.seen)
            await asyncio.to_thread(served.app.stop)
            assert served.journals() == [], "workers that ended in peace left a journal"
            await read.exact(load.seen)
