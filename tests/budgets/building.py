"""Builds what tests of budgets need: a clock that is turned by hand, budgets, requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any, Literal, cast
from uuid import uuid4

import pytest

from otel.testing import Recorded as Telemetry
from otel.testing import recorded
from service.budgets.budgets import Budgets
from service.budgets.declared import Declared, load_budgets
from service.budgets.file import BudgetsFile
from service.budgets.lease import Lease
from service.errors import BudgetExceeded
from service.exchange import ModelRequest
from service.ledger.calendar import Calendar
from service.ledger.entry import Entry, Recorded
from service.ledger.recording import Applied, Numbered, Recorder
from service.ledger.scripts import ScriptQueue
from service.redis_store import RedisStore
from service.targets import Target, Targets, load_targets

NOON = 4_004_337_600_000
"""Noon of 2096-11-21 in UTC, in milliseconds: far off, since Redis forgets windows of the past."""
TARGETS = """
targets:
  one:
    provider: simulated
    models:
      dear: {prices: {input: "1000000", output: "1000000"}}
      cheap: {max_output_tokens: 10, prices: {input: "1", output: "1"}}
      unpriced: {}
      vectors: {operation: embeddings, prices: {input: "1"}}
  other:
    provider: simulated
    provider_name: elsewhere
    models:
      distant: {prices: {input: "1", output: "1"}}
"""
REFUSING = """
budgets:
  - name: everything
    window: day
    limit: {usd: "0.000000001000"}
    actions: [{at: 80, do: warn}, {at: 100, do: refuse}]
"""
"""A limit of 1,000 picodollars."""
PICODOLLAR = Decimal(1).scaleb(-12)


@dataclass
class Clock:
    """The time, in milliseconds since the epoch, as a test sets it."""

    moment: int = NOON

    def __call__(self) -> datetime:
        return datetime.fromtimestamp(self.moment / 1000, UTC)

    def pass_seconds(self, seconds: float) -> None:
        self.moment += int(seconds * 1000)


@dataclass
class Bounds:
    """In place of prices: what a request costs at most is what a test says."""

    picodollars: int | None = 0
    asked: list[tuple[str, int, int]] = field(default_factory=list[tuple[str, int, int]])

    def __call__(
        self, target: Target, *, input_tokens: int, output_tokens: int, at: datetime
    ) -> Decimal | None:
        self.asked.append((target.model, input_tokens, output_tokens))
        return None if self.picodollars is None else self.picodollars * PICODOLLAR


@dataclass
class Rig:
    """Budgets at work in an empty Redis, and a ledger that settles."""

    budgets: Budgets
    file: BudgetsFile
    path: Path
    clock: Clock
    bounds: Bounds
    store: RedisStore
    scripts: ScriptQueue
    targets: Targets
    telemetry: Telemetry
    recorder: Recorder
    writer: str
    numbers: count[int] = field(default_factory=lambda: count(1))
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def reserve(self, amount: int | None = 0, **changes: Any) -> Lease:
        """Reserve, in USD so many picodollars."""
        self.bounds.picodollars = amount
        replacing = changes.pop("replacing", Lease())
        asked = request(**changes)
        return await self.budgets.reserve(
            asked, self.targets.models[asked.model][0], replacing=replacing
        )

    async def settle(self, lease: Lease, cost: int = 0, tokens: int = 0) -> Recorded:
        """Enter in the ledger what a request came to, as accounts do."""
        async with self.lock:
            number = next(self.numbers)
            entry = Entry(
                id=uuid4().hex,
                asked_at=self.clock.moment,
                trace_id="0" * 32,
                operation="chat",
                provider="simulated",
                model="dear",
                target="one",
                app="app",
                user=None,
                component=None,
                outcome="completed",
                latency_us=1,
                cost=cost,
                charges=lease.charges(cost=cost, tokens=tokens),
            )
            batch = [Numbered(number, entry)]
            answer = await self.recorder.apply(self.writer, number - 1, number, batch)
        assert isinstance(answer, Applied)
        return answer.outcomes[number]

    async def window(self, lease: Lease, place: int = 0) -> dict[str, str]:
        """The hash of one of a lease's windows."""
        return await self.hash(lease.holds[place].key)

    async def hash(self, key: str) -> dict[str, str]:
        """A hash of Redis."""

        async def read(redis: Any) -> Mapping[bytes, bytes]:
            return cast("Mapping[bytes, bytes]", await redis.hgetall(key))

        found = await self.store.run("HGETALL", read)
        return {name.decode(): value.decode() for name, value in found.items()}

    def write(self, text: str) -> None:
        """Write the file and take it in."""
        self.path.write_text(text)
        self.file.load()


def request(
    model: str = "dear",
    *,
    operation: Literal["chat", "embeddings"] = "chat",
    app: str = "app",
    seconds: float = 30.0,
    fields: Mapping[str, Any] | None = None,
    **rest: Any,
) -> ModelRequest:
    """A validated request."""
    body: dict[str, Any] = {"model": model, **(fields or {})}
    if operation == "chat":
        body.setdefault("messages", [{"role": "user", "content": "hi"}])
    return ModelRequest(
        operation=operation,
        model=model,
        body=body,
        app=app,
        started=time.perf_counter(),
        deadline=asyncio.get_running_loop().time() + seconds,
        **rest,
    )


def served(folder: Path) -> Targets:
    """The models there are."""
    path = folder / "targets.yaml"
    path.write_text(TARGETS)
    return load_targets(path, credentials={})


@asynccontextmanager
async def rig(
    url: str,
    folder: Path,
    budgets: str,
    *,
    when_unavailable: Literal["open", "closed"] = "open",
    empty: bool = True,
    started: bool = False,
    clock: Clock | None = None,
) -> AsyncGenerator[Rig]:
    """Budgets of a file's text."""
    clock, bounds, targets = clock or Clock(), Bounds(), served(folder)
    writer = uuid4().hex
    path = folder / "budgets.yaml"
    path.write_text(budgets)
    store = RedisStore(url, timeout=5, pool_size=8)
    scripts = ScriptQueue(store)
    if empty:
        await store.run("FLUSHALL", lambda redis: cast("Any", redis).flushall())

    def read() -> Declared:
        return load_budgets(
            path, targets=targets, time_zone="Europe/Berlin", components=frozenset({"search"})
        )

    file = BudgetsFile(path, read)
    with recorded() as telemetry:
        made = Budgets(
            file=file,
            scripts=scripts,
            bound=bounds,
            instruments=telemetry.telemetry.instruments,
            now=clock,
            writer=writer,
            when_unavailable=when_unavailable,
        )
        await (made.start() if started else asyncio.to_thread(file.load))
        try:
            yield Rig(
                made,
                file,
                path,
                clock,
                bounds,
                store,
                scripts,
                targets,
                telemetry,
                Recorder(scripts, Calendar("UTC")),
                writer,
            )
        finally:
            await made.close()
            await scripts.close()
            await store.close()


async def refused(books: Rig, amount: int, **changes: Any) -> BudgetExceeded:
    """The refusal of a request that does not fit."""
    with pytest.raises(BudgetExceeded) as caught:
        await books.reserve(amount, **changes)
    return caught.value


async def amounts(books: Rig, lease: Lease, place: int = 0) -> tuple[int, int]:
    """What is spent and reserved in one of a lease's windows."""
    found = await books.window(lease, place)
    return int(found.get("spent", 0)), int(found.get("reserved", 0))
