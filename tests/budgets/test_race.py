"""The race, over HTTP: four workers, a real Redis, 8,000 requests for one dollar.

A worker is killed in the middle. Before and after, every place tells the same amount exactly; the
requests that were under way when it was killed, at most one a client, are estimated.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import psutil
import pytest

from otel.names import USAGE_BODY
from service.ledger.calendar import Calendar
from service.ledger.reading import LedgerReader
from service.money import dollars
from service.redis_embedded import EmbeddedRedis
from service.redis_store import RedisStore
from tests.budgets.race_client import CLIENTS, Refused, Seen, drive
from tests.ledger.killed_workers import Books
from tests.otel.processes import Application, instrumented
from tests.otel.receiver import Receiver, attributes

WORKERS = 4
REQUESTS = 8_000
KILL = range(2_400, 3_200)
"""The requests during which a worker is killed; the ones before and after are accounted exactly."""
LIMIT = Decimal(1)
TARGETS = """
targets:
  quick:
    provider: simulated
    options: {seed: 7, latency_ms: 5, token_ms: 0.5}
    models:
      simulated: {prices: {input: "0.50", output: "15"}}
"""
DEADLINE_SECONDS = 20
START_SECONDS = 120
MOST = Decimal("0.0005")
"""More than one request can cost."""
BUDGETS = """
time_zone: UTC
budgets:
  - name: one-dollar
    window: month
    limit: {usd: "1"}
    actions: [{at: 80, do: warn}, {at: 95, do: warn}, {at: 100, do: refuse}]
"""


@dataclass(frozen=True, slots=True)
class Total:
    """What a book says: requests and USD."""

    requests: int
    cost: Decimal

    def __sub__(self, other: Total) -> Total:
        return Total(self.requests - other.requests, self.cost - other.cost)


@dataclass(frozen=True, slots=True)
class Race:
    """The service under test and its books."""

    app: Application
    receiver: Receiver
    store: RedisStore
    home: Path

    async def drive(self, numbers: range) -> Seen:
        """Send requests; none may be answered in a way that is not foreseen."""
        key = (self.home / "dev-api-key").read_text().strip()
        seen = await drive(self.app.url, key, numbers)
        assert seen.unexpected == []
        return seen

    async def ledger(self) -> Total:
        """What the usage ledger says."""
        reader = LedgerReader(self.store, Calendar("UTC"), now=lambda: datetime.now(UTC))
        totals = (await reader.usage("month")).totals
        return Total(totals.requests, Decimal(totals.cost_usd))

    async def budget(self) -> tuple[Decimal, Decimal]:
        """What the budget says is spent, and what is reserved."""

        async def read(redis: Any) -> list[bytes | None]:
            (key,) = await redis.keys("gaugeway:{ledger}:budget:one-dollar:*Z")
            return cast("list[bytes | None]", await redis.hmget(key, "spent", "reserved"))

        spent, reserved = await self.store.run("HMGET", read)
        return dollars(int(spent or 0)), dollars(int(reserved or 0))

    def records(self) -> dict[str, Decimal]:
        """The cost in each usage record by trace; a trace has one only."""
        found: dict[str, Decimal] = {}
        for _, record in self.receiver.logs():
            if record.body.string_value == USAGE_BODY:
                trace = record.trace_id.hex()
                assert trace not in found, "a request has two usage records"
                found[trace] = Decimal(attributes(record.attributes)["gaugeway.cost"])
        return found

    async def recorded(self, traces: set[str]) -> dict[str, Decimal]:
        """The usage records of these requests, once all have come."""
        async with asyncio.timeout(30):
            while True:
                found = await asyncio.to_thread(self.records)
                if traces <= found.keys():
                    return {trace: found[trace] for trace in traces}
                await asyncio.sleep(0.2)

    async def exact(self, seen: Seen, since: Total) -> Total:
        """Answers, usage records, ledger and budget tell the same of a part of the race."""
        assert seen.broken == 0
        records = await self.recorded(seen.admitted)
        assert {trace: records[trace] for trace in seen.costs} == seen.costs
        now = await self.ledger()
        expected = Total(len(seen.admitted), sum(records.values(), Decimal(0)))
        assert now - since == expected
        assert (await self.budget())[0] == now.cost
        return now

    async def missed(self, pid: int) -> None:
        """Wait until the others have entered what a worker had reserved."""
        async with asyncio.timeout(30):
            while pid in await Books(self.store).workers():
                await asyncio.sleep(0.1)

    async def kill_a_worker_soon(self) -> int:
        """Kill one of the processes that answer, while they do; which."""
        await asyncio.sleep(0.5)
        port = urlsplit(self.app.url).port
        victim = max(_workers(self.app), key=lambda worker: _clients(worker, port))
        os.kill(victim.pid, signal.SIGKILL)
        return victim.pid


def _workers(app: Application) -> list[psutil.Process]:
    children = psutil.Process(app.process.pid).children()
    return [child for child in children if "resource_tracker" not in " ".join(child.cmdline())]


def _clients(worker: psutil.Process, port: int | None) -> int:
    """How many connections it serves: on a busy machine one may still be starting."""
    return sum(
        1
        for connection in worker.net_connections("tcp")
        if connection.status == psutil.CONN_ESTABLISHED and connection.laddr.port == port
    )


async def _started(app: Application) -> None:
    """Wait until the service answers and has all its workers."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            assert app.process.poll() is None, app.output
            with suppress(OSError):
                status, _ = await asyncio.to_thread(app.get, "/healthz")
                if status == 200 and len(_workers(app)) == WORKERS:
                    return
            await asyncio.sleep(0.1)


@asynccontextmanager
async def race(folder: Path) -> AsyncGenerator[Race]:
    """Everything started, and stopped afterwards."""
    redis = EmbeddedRedis(folder / "redis")
    url = await asyncio.to_thread(redis.start)
    home, (targets, budgets) = folder / "home", (folder / "targets.yaml", folder / "budgets.yaml")
    targets.write_text(TARGETS)
    budgets.write_text(BUDGETS)
    command = ("uvicorn", "--factory", "service.app:create_app", "--port", "{port}")
    # A worker that still starts on a busy machine is not hung; uvicorn would kill it after 5 s.
    command += ("--workers", str(WORKERS), "--timeout-worker-healthcheck", "60", "--no-access-log")
    store = RedisStore(url, timeout=5, pool_size=4)
    with Receiver() as receiver:
        app = Application(
            instrumented(*command),
            folder,
            endpoint=receiver.endpoint,
            variables={
                "REDIS_URL": url,
                "GAUGEWAY_HOME": str(home),
                "GAUGEWAY_TARGETS": str(targets),
                "GAUGEWAY_BUDGETS": str(budgets),
                "GAUGEWAY_DEADLINE_SECONDS": str(DEADLINE_SECONDS),
                "OTEL_BLRP_SCHEDULE_DELAY": "100",
            },
        )
        try:
            await _started(app)
            yield Race(app, receiver, store, home)
        finally:
            await asyncio.to_thread(app.__exit__, None, None, None)
            await store.close()
            await asyncio.to_thread(redis.leave)


def assert_tells_why(refused: Refused) -> None:
    error = refused.body["error"]
    assert refused.content_type == "application/json"
    assert set(error) == {"message", "type", "param", "code", "trace_id"}
    assert (error["type"], error["code"]) == ("insufficient_quota", "budget_exceeded")
    assert error["message"].startswith("The budget 'one-dollar' has ")
    assert "resets at" in error["message"]
    assert refused.retry_after is not None
    assert int(refused.retry_after) >= 1


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_four_workers_and_8000_requests_spend_a_dollar_and_not_more(tmp_path: Path) -> None:
    async with race(tmp_path) as run:
        before = await run.drive(range(KILL.start))
        start = await run.exact(before, Total(0, Decimal(0)))
        assert before.refused == []

        during, victim = await asyncio.gather(run.drive(KILL), run.kill_a_worker_soon())
        assert 0 < during.broken <= CLIENTS
        await run.missed(victim)
        known = run.records() | during.costs
        middle = await _quiet(run)
        grown = middle - start
        of_part = {trace: known[trace] for trace in during.admitted & known.keys()}
        assert len(during.costs) <= grown.requests <= len(during.admitted) + during.broken
        least = sum(during.costs.values(), Decimal(0))
        most = sum(of_part.values(), Decimal(0)) + MOST * 2 * CLIENTS
        assert least <= grown.cost <= most

        after = await run.drive(range(KILL.stop, REQUESTS))
        end = await run.exact(after, middle)

        spent, reserved = await run.budget()
        assert LIMIT * 9 / 10 <= spent <= LIMIT
        assert spent == end.cost
        assert reserved == 0
        assert len(after.refused) > 1_000
        for refused in after.refused:
            assert_tells_why(refused)
        total = len(before.admitted) + len(during.admitted) + during.broken + len(after.admitted)
        assert total + len(after.refused) + len(during.refused) == REQUESTS


async def _quiet(run: Race) -> Total:
    """The ledger, once it has stopped growing."""
    async with asyncio.timeout(30):
        last = await run.ledger()
        while True:
            await asyncio.sleep(0.5)
            now = await run.ledger()
            if now == last:
                return now
            last = now
