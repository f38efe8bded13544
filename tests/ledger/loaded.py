"""The real service under load, two workers of it, and what its books come to."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from service.ledger.calendar import Calendar
from service.ledger.places import JOURNAL_FOLDER
from service.ledger.reading import LedgerReader
from service.money import dollars
from service.redis_store import RedisStore, StoreUnavailable
from tests.budgets.race_client import Seen, drive
from tests.ledger.servers import wait_for
from tests.otel.processes import Application

WORKERS = 2
CLIENTS = 24
REQUESTS = 60
"""How many are answered between one thing that happens to Redis and the next."""
WITHIN = 60.0
"""Seconds that each step may take where many others share the machine."""
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

    async def go_on(self, more: int = REQUESTS) -> None:
        """Wait until some more have been asked."""
        wanted = self.asked + more
        await until(lambda: self.asked >= wanted, f"{more} requests to be answered")

    def all_answered(self) -> None:
        """Nobody was refused, and nobody's connection broke."""
        seen = self.seen
        assert (seen.unexpected, seen.refused, seen.broken, seen.cut) == ([], [], 0, set())
        assert len(seen.costs) == self.asked


@dataclass(frozen=True, slots=True)
class Books:
    """What a Redis has of it."""

    store: RedisStore

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

    async def counts(self, number: int) -> None:
        """Wait until the ledger has so many requests."""
        with suppress(TimeoutError):
            async with asyncio.timeout(WITHIN):
                while await self.requests() < number:
                    await asyncio.sleep(0.05)
        assert await self.requests() == number

    async def exact(self, seen: Seen) -> None:
        """The ledger comes to what the answers said, and so does the budget."""
        expected = len(seen.costs)
        await self.counts(expected)
        assert await self.ledger() == (expected, seen.told, True)
        assert await self.spent() == seen.told


@asynccontextmanager
async def books(url: str) -> AsyncGenerator[Books]:
    """The books in a Redis, read by a client of our own."""
    store = RedisStore(url, timeout=5, pool_size=2)
    try:
        yield Books(store)
    finally:
        await store.close()


@dataclass(frozen=True, slots=True)
class Service:
    """The service under load."""

    app: Application
    home: Path

    def journals(self) -> list[int]:
        """The bytes in each worker's journal."""
        sizes: list[int] = []
        for path in (self.home / JOURNAL_FOLDER).glob("*.jsonl"):
            with suppress(OSError):
                sizes.append(path.stat().st_size)
        return sizes

    async def caught_up(self) -> None:
        await until(lambda: not any(self.journals()), "the journals to be applied")


async def until(condition: Callable[[], object], what: str) -> None:
    """Poll until a condition holds; fail after the bound."""
    try:
        async with asyncio.timeout(WITHIN):
            while not condition():
                await asyncio.sleep(0.01)
    except TimeoutError:
        pytest.fail(f"waited {WITHIN:g} s for {what}")


@asynccontextmanager
async def service(
    folder: Path, redis_url: str, variables: Mapping[str, str] | None = None
) -> AsyncGenerator[Service]:
    """Two workers of the real service."""
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
            "REDIS_URL": redis_url,
            "GAUGEWAY_HOME": str(home),
            "GAUGEWAY_TARGETS": str(targets),
            "GAUGEWAY_BUDGETS": str(budgets),
            **(variables or {}),
        },
    )
    try:
        await asyncio.to_thread(wait_for, lambda: _answers(app), "the service to answer", WITHIN)
        yield Service(app, home)
    finally:
        await asyncio.to_thread(app.__exit__, None, None, None)


def _answers(app: Application) -> bool:
    assert app.process.poll() is None, f"it ended at start-up:\n{app.output}"
    with suppress(OSError):
        return app.get("/healthz")[0] == 200
    return False
