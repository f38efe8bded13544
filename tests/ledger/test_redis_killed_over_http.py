"""Redis is killed under load, over HTTP; in the end the ledger is what the answers said, exactly.

Two workers and a real Redis: killed with -9, killed again while journals are being applied, and
killed with the end of its file missing, as after a power cut.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from math import inf
from pathlib import Path
from time import monotonic
from typing import Any, cast

import pytest

from service.ledger.calendar import Calendar
from service.ledger.places import JOURNAL_FOLDER
from service.ledger.reading import LedgerReader
from service.money import dollars
from service.redis_store import RedisStore, StoreUnavailable
from tests.budgets.race_client import Seen, drive
from tests.ledger.servers import Server, programs, server, wait_for
from tests.otel.processes import Application

WORKERS = 2
CLIENTS = 24
REQUESTS = 60
"""How many are answered between one thing that happens to Redis and the next."""
LOST_BYTES = 50_000
WITHIN = 60.0
"""Seconds that each step may take where many others share the machine."""
# The file is not rewritten meanwhile, so that its end is what was written last.
OPTIONS = ("--auto-aof-rewrite-percentage", "0")
TARGETS = """
targets:
  quick:
    provider: simulated
    options: {seed: 7, latency_ms: 5, token_ms: 0.5}
    models:
      simulated: {prices: {input: "0.37", output: "14.93"}}
"""
BUDGETS = """
time_zone: UTC
budgets:
  - name: watched
    window: month
    limit: {usd: "1000"}
    actions: [{at: 100, do: warn}]
"""


@dataclass
class Load:
    """Clients that ask until they are told to stop."""

    asked: int = 0
    stopping: bool = False
    seen: Seen = field(default_factory=Seen)

    def numbers(self) -> Generator[int]:
        # Those that are divisible by 20 would be left in the middle: what they cost is not told.
        for number in (number for number in itertools.count() if number % 20):
            if self.stopping:
                return
            self.asked += 1
            yield number

    async def run(self, url: str, home: Path) -> None:
        key = (home / "dev-api-key").read_text().strip()
        self.seen = await drive(url, key, self.numbers(), clients=CLIENTS)

    async def go_on(self) -> None:
        """Wait until some more have been asked."""
        wanted = self.asked + REQUESTS
        await until(lambda: self.asked >= wanted, f"{REQUESTS} requests to be answered")


@dataclass(frozen=True, slots=True)
class Service:
    """The service under load, and its books."""

    app: Application
    home: Path
    redis: Server
    store: RedisStore

    def journals(self) -> list[int]:
        """The bytes in each worker's journal."""
        return [path.stat().st_size for path in (self.home / JOURNAL_FOLDER).glob("*.jsonl")]

    async def restart(self, load: Load) -> None:
        """Start Redis again, once entries wait on disk; under load as before."""
        await until(lambda: any(self.journals()), "a journal to be used")
        await load.go_on()
        await asyncio.to_thread(self.redis.start, *OPTIONS)

    async def caught_up(self) -> None:
        await until(lambda: not any(self.journals()), "the journals to be applied")

    async def kill_when_it_takes_entries(self, counted: int) -> None:
        """Kill Redis as soon as it has counted so many: journals are being applied."""
        async with asyncio.timeout(WITHIN):
            while await self.requests() < counted:
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

    async def ledger(self) -> tuple[int, Decimal, bool]:
        """Requests and cost by the ledger, and whether it says that this is all."""
        reader = LedgerReader(self.store, Calendar("UTC"), now=lambda: datetime.now(UTC))
        usage = await reader.usage("month")
        return usage.totals.requests, Decimal(usage.totals.cost_usd), usage.complete

    async def spent(self) -> Decimal:
        """What the budget says."""

        async def read(redis: Any) -> bytes:
            (key,) = await redis.keys("gaugeway:{ledger}:budget:watched:*Z")
            return cast("bytes", await redis.hget(key, "spent"))

        return dollars(int(await self.store.run("HGET", read)))

    async def requests(self) -> int:
        """How many the ledger has; 0 while nobody can say."""
        try:
            return (await self.ledger())[0]
        except StoreUnavailable:
            return 0

    async def exact(self, seen: Seen) -> None:
        """The ledger comes to what the answers said, and so does the budget."""
        expected = len(seen.costs)
        with suppress(TimeoutError):
            async with asyncio.timeout(WITHIN):
                while await self.requests() < expected:
                    await asyncio.sleep(0.05)
        assert await self.ledger() == (expected, seen.told, True)
        assert await self.spent() == seen.told


async def until(condition: Callable[[], object], what: str) -> None:
    """Poll until a condition holds; fail after the bound."""
    try:
        async with asyncio.timeout(WITHIN):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"waited {WITHIN:g} s for {what}")


@asynccontextmanager
async def service(folder: Path, redis: Server) -> AsyncGenerator[Service]:
    """Two workers of the real service, and a client of their Redis."""
    home, (targets, budgets) = folder / "home", (folder / "targets.yaml", folder / "budgets.yaml")
    targets.write_text(TARGETS)
    budgets.write_text(BUDGETS)
    command = ("uvicorn", "--factory", "service.app:create_app", "--port", "{port}")
    # A worker that still starts on a busy machine is not hung; uvicorn would kill it after 5 s.
    several = ("--workers", str(WORKERS), "--timeout-worker-healthcheck", "60")
    app = Application(
        (*command, *several, "--no-access-log"),
        folder,
        variables={
            "REDIS_URL": redis.url,
            "GAUGEWAY_HOME": str(home),
            "GAUGEWAY_TARGETS": str(targets),
            "GAUGEWAY_BUDGETS": str(budgets),
        },
    )
    store = RedisStore(redis.url, timeout=5, pool_size=2)
    try:
        await asyncio.to_thread(wait_for, lambda: _answers(app), "the service to answer", WITHIN)
        yield Service(app, home, redis, store)
    finally:
        await asyncio.to_thread(app.__exit__, None, None, None)
        await store.close()


def _answers(app: Application) -> bool:
    assert app.process.poll() is None, f"it ended at start-up:\n{app.output}"
    with suppress(OSError):
        return app.get("/healthz")[0] == 200
    return False


@pytest.mark.timeout(300)
async def test_the_ledger_is_what_the_answers_said_after_redis_was_killed_under_load(
    tmp_path: Path,
) -> None:
    load = Load()
    with server(programs()["embedded"], tmp_path / "redis", *OPTIONS) as redis:
        async with service(tmp_path, redis) as run, asyncio.TaskGroup() as tasks:
            clients = tasks.create_task(load.run(run.app.url, run.home))
            await load.go_on()
            counted = await run.requests()
            await asyncio.to_thread(redis.kill)
            await run.restart(load)
            await run.kill_when_it_takes_entries(counted + REQUESTS // 2)
            await run.restart(load)
            await run.caught_up()
            await run.power_cut()
            await run.restart(load)
            await run.caught_up()
            await load.go_on()
            load.stopping = True
            await clients

            await run.caught_up()
            seen = load.seen
            assert (seen.unexpected, seen.refused, seen.broken, seen.cut) == ([], [], 0, set())
            assert len(seen.costs) == load.asked
            await run.exact(seen)
            await asyncio.to_thread(run.app.stop)
            assert run.journals() == [], "workers that ended in peace left a journal"
            await run.exact(seen)
