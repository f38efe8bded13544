"""Builds what ledger tests need: entries, ledgers, and what a ledger must come to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from otel.testing import Recorded as RecordedTelemetry
from otel.testing import recorded
from service.ledger.calendar import Calendar
from service.ledger.counters import add, counters_of
from service.ledger.damage import Damage
from service.ledger.entry import Entry
from service.ledger.ledger import Ledger
from service.ledger.reading import LedgerReader
from service.ledger.recording import Bounds, Recorder
from service.ledger.scripts import ScriptQueue
from service.ledger.writer import Relapse, Resend
from service.redis_store import RedisStore

NOON = 2_079_259_200_000
"""Noon of 2035-11-21 in UTC, in milliseconds: Redis's own clock must not find it long past."""


ALL_OF_IT = Resend()


def entry(number: int, **changes: Any) -> Entry:
    """A plain chat request, its id made of a number."""
    facts: dict[str, Any] = {
        "id": f"{number:032x}",
        "asked_at": NOON,
        "trace_id": f"{number:032x}",
        "operation": "chat",
        "provider": "openai",
        "model": "gpt-4o-mini",
        "target": "openai",
        "app": "shop",
        "user": None,
        "component": None,
        "outcome": "success",
        "latency_us": 250_000,
        "tokens": {"input_tokens": 10, "output_tokens": 5},
        "cost": 140_000,
    }
    return Entry(**{**facts, **changes})


def expected(entries: Iterable[Entry]) -> dict[str, int]:
    """The sums of the distinct entries."""
    total: dict[str, int] = {}
    for one in {one.id: one for one in entries}.values():
        add(total, counters_of(one))
    return total


def forgets_nothing(relapse: Relapse) -> None:
    """For writers on a Redis that has all it was given."""
    raise AssertionError(relapse)


@dataclass(frozen=True, slots=True)
class Opened:
    """A ledger at work and its parts."""

    ledger: Ledger
    reader: LedgerReader
    redis: RedisStore
    scripts: ScriptQueue
    recorder: Recorder
    telemetry: RecordedTelemetry


@asynccontextmanager
async def opened(
    url: str,
    home: Path,
    *,
    time_zone: str = "UTC",
    now: Callable[[], datetime] = lambda: datetime.fromtimestamp(NOON / 1000, UTC),
    journal_max_bytes: int = 10**8,
    memory_max_bytes: int = 10**7,
    watchful: bool = False,
    resend: Resend = ALL_OF_IT,
    bounds: Bounds | None = None,
    dedupe_seconds: int = 3_600,
    timeout: float = 1.0,
) -> AsyncGenerator[Opened]:
    """A ledger on a Redis, closed when the block ends."""
    redis = RedisStore(url, timeout=timeout, pool_size=8, probe_seconds=0.1)
    scripts = ScriptQueue(redis)
    calendar = Calendar(time_zone)
    with recorded() as telemetry:
        recorder = Recorder(
            scripts,
            calendar,
            bounds=bounds,
            dedupe_seconds=dedupe_seconds,
            damage=Damage(telemetry.telemetry.instruments),
        )
        ledger = Ledger(
            recorder,
            home=home,
            journal_max_bytes=journal_max_bytes,
            memory_max_bytes=memory_max_bytes,
            watchful=watchful,
            resend=resend,
            instruments=telemetry.telemetry.instruments,
            retry_seconds=0.1,
            confirm_seconds=0.2,
            adopt_seconds=0.2,
            probe_seconds=0.2,
        )
        await ledger.start()
        reader = LedgerReader(redis, calendar, now=now, waiting=ledger.waiting)
        try:
            yield Opened(ledger, reader, redis, scripts, recorder, telemetry)
        finally:
            await ledger.close()
            await redis.close()


async def until(condition: Callable[[], object], what: str, seconds: float = 20.0) -> None:
    """Poll until a condition holds; fail after the bound."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        await asyncio.sleep(0.01)
