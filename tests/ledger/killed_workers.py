"""Services whose workers are killed, what their clients saw of it, and what the books say."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import aiohttp
import psutil
import pytest

from bench.serving import Serving, free_port, serving_aside, uvicorn
from service.ledger.calendar import Calendar
from service.ledger.documents import Totals
from service.ledger.open_requests import open_key
from service.ledger.presence import WRITERS_KEY
from service.ledger.reading import LedgerReader
from service.money import dollars
from service.redis_store import RedisStore, StoreUnavailable

WITHIN = 60.0
"""Seconds that each step may take where many others share the machine."""
TARGETS = """
targets:
  slow:
    provider: simulated
    options: {seed: 7, latency_ms: 5, token_ms: 100}
    models:
      slow: {prices: {input: "0.37", output: "14.93"}}
  quick:
    provider: simulated
    options: {seed: 7, latency_ms: 5, token_ms: 0.1}
    models:
      quick: {prices: {input: "0.37", output: "14.93"}}
"""
BUDGETS = """
time_zone: UTC
budgets:
  - {name: watched, window: month, limit: {usd: "1000"}}
"""
NO_BUDGETS = "budgets: []\n"


@dataclass
class Clients:
    """Requests under way, and what became of those that are over."""

    session: aiohttp.ClientSession
    costs: list[Decimal] = field(default_factory=list[Decimal])
    broken: int = 0
    begun: int = 0
    _tasks: list[asyncio.Task[None]] = field(default_factory=list[asyncio.Task[None]])

    async def streams(self, number: int, *, tokens: int = 100) -> None:
        """Begin so many streams; each has had its first chunk."""
        wanted = self.begun + number
        for _ in range(number):
            body = _body("slow", tokens) | {"stream": True, "user": "ann"}
            self._tasks.append(asyncio.create_task(self._stream(body)))
        await until(lambda: self.begun == wanted, f"{number} streams to begin")

    async def plain(self, number: int, *, model: str = "quick", tokens: int = 20) -> None:
        """Ask so many plain requests at once, and wait for them."""
        await asyncio.gather(*(self._plain(_body(model, tokens)) for _ in range(number)))

    def plain_later(self, number: int, *, tokens: int) -> None:
        """Ask so many slow plain requests, and do not wait for them."""
        self._tasks += [
            asyncio.create_task(self._plain(_body("slow", tokens))) for _ in range(number)
        ]

    async def over(self) -> None:
        """Wait until all have ended, one way or the other."""
        await asyncio.gather(*self._tasks)

    @property
    def told(self) -> Decimal:
        """What those that were answered said they cost."""
        return sum(self.costs, Decimal(0))

    async def _stream(self, body: Mapping[str, Any]) -> None:
        text = b""
        try:
            async with self.session.post("/v1/chat/completions", json=body) as answer:
                assert answer.status == 200, await answer.text()
                async for line in answer.content:
                    if not text:
                        self.begun += 1
                    text += line
        except (aiohttp.ClientError, ConnectionError):
            pass
        mark = b": gaugeway-cost-usd="
        told = [line.removeprefix(mark) for line in text.splitlines() if line.startswith(mark)]
        if told and text.endswith(b"data: [DONE]\n\n"):
            self.costs.append(Decimal(told[0].decode()))
        else:
            self.broken += 1

    async def _plain(self, body: Mapping[str, Any]) -> None:
        try:
            async with self.session.post("/v1/chat/completions", json=body) as answer:
                assert answer.status == 200, await answer.text()
                await answer.read()
                self.costs.append(Decimal(answer.headers["x-gaugeway-cost-usd"]))
        except (aiohttp.ClientError, ConnectionError):
            self.broken += 1


def _body(model: str, tokens: int) -> dict[str, Any]:
    messages = [{"role": "user", "content": "Tell me of the sea, and of the night."}]
    return {"model": model, "messages": messages, "max_tokens": tokens}


@dataclass(frozen=True, slots=True)
class Books:
    """What Redis says."""

    store: RedisStore

    async def totals(self) -> Totals:
        reader = LedgerReader(self.store, Calendar("UTC"), now=lambda: datetime.now(UTC))
        return (await reader.usage("month")).totals

    async def budget(self) -> tuple[Decimal, Decimal]:
        """Spent and reserved."""

        async def read(redis: Any) -> list[bytes | None]:
            keys = await redis.keys("gaugeway:{ledger}:budget:watched:*Z")
            return await redis.hmget(keys[0], "spent", "reserved") if keys else [b"0", b"0"]

        spent, reserved = await self.store.run("HMGET", read)
        return dollars(int(spent or 0)), dollars(int(reserved or 0))

    async def workers(self) -> dict[int, str]:
        """The writers on the list, by their process."""
        found = await self.store.run("HKEYS", lambda redis: cast("Any", redis).hkeys(WRITERS_KEY))
        return {int(name.split(b"-")[-2]): name.decode() for name in found}

    async def open(self, pid: int) -> int:
        """How many requests a worker has under way."""
        name = (await self.workers())[pid]
        return int(
            await self.store.run("HLEN", lambda redis: cast("Any", redis).hlen(open_key(name)))
        )

    async def missed(self, pid: int) -> None:
        """Wait until a worker is on the list no more."""
        await until_true(lambda: self._gone(pid), f"worker {pid} to be missed")

    async def _gone(self, pid: int) -> bool:
        try:
            return pid not in await self.workers()
        except StoreUnavailable:
            return False

    async def busiest(self) -> int:
        """The process with most requests under way."""
        counts = {pid: await self.open(pid) for pid in await self.workers()}
        return max(counts, key=lambda pid: counts[pid])


@asynccontextmanager
async def books(url: str) -> AsyncGenerator[Books]:
    store = RedisStore(url, timeout=5, pool_size=2)
    try:
        yield Books(store)
    finally:
        await store.close()


@asynccontextmanager
async def service(
    folder: Path,
    url: str,
    *,
    workers: int = 1,
    budgets: str = BUDGETS,
    instrument: tuple[str, ...] = (),
    environment: Mapping[str, str] | None = None,
) -> AsyncGenerator[tuple[Serving, Clients]]:
    """A service with a home of its own, all its workers up, and clients of it."""
    folder.mkdir(exist_ok=True)
    (folder / "targets.yaml").write_text(TARGETS)
    (folder / "budgets.yaml").write_text(budgets)
    port = free_port()
    settings = {
        "REDIS_URL": url,
        "GAUGEWAY_TARGETS": str(folder / "targets.yaml"),
        "GAUGEWAY_BUDGETS": str(folder / "budgets.yaml"),
        **(environment or {}),
    }
    async with serving_aside(
        (*instrument, *uvicorn(port, workers=workers)),
        port=port,
        home=folder / "home",
        environment=settings,
    ) as served:
        connector = aiohttp.TCPConnector(limit=0)
        async with (
            books(url) as told,
            aiohttp.ClientSession(
                served.url, headers=served.headers, connector=connector
            ) as session,
        ):
            await until_true(
                lambda: _serving(told, served.pid, workers), f"{workers} workers to serve"
            )
            yield served, Clients(session)


async def _serving(told: Books, pid: int, workers: int) -> bool:
    return len(pids_of(pid) & set(await told.workers())) == workers


def pids_of(pid: int) -> set[int]:
    """A service's first process and all below it."""
    with suppress(psutil.Error):
        first = psutil.Process(pid)
        return {pid, *(child.pid for child in first.children(recursive=True))}
    return set()


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def stop(pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)


def resume(pid: int) -> None:
    os.kill(pid, signal.SIGCONT)


async def until(condition: Callable[[], object], what: str) -> None:
    """Poll until a condition holds; fail after the bound."""

    async def holds() -> bool:
        return bool(condition())

    await until_true(holds, what)


async def until_true(condition: Callable[[], Any], what: str) -> None:
    """The same of a condition that is awaited."""
    try:
        async with asyncio.timeout(WITHIN):
            while not await condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"waited {WITHIN:g} s for {what}")
