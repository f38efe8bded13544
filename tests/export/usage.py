"""Rows to export, made for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from service.ledger.documents import Latency, Tokens, Totals
from service.ledger.export.rows import UsageRow

BERLIN = ZoneInfo("Europe/Berlin")

TOTALS = Totals(
    requests=3,
    errors=1,
    cache_hits=1,
    unpriced_requests=1,
    estimated_requests=1,
    tokens=Tokens(input=1_000, output=200, cache_read=500, reasoning=20),
    characters=12,
    seconds=1.5,
    cost_usd="0.00000000014",
    saved_usd="12.5",
    latency=Latency(
        requests=2, total_latency_ms=300.5, avg_latency_ms=150.25, p50=120.0, p95=200.0, p99=220.0
    ),
)


def row(
    name: str = "gpt-4o",
    *,
    dimension: str = "model",
    day: int = 14,
    cost: str = "0.00000000014",
    requests: int = 3,
) -> UsageRow:
    """A day's row of November 2026 in Berlin."""
    start = datetime(2026, 11, day, tzinfo=BERLIN)
    totals = TOTALS.model_copy(update={"cost_usd": cost, "requests": requests})
    return UsageRow("day", start, start + timedelta(days=1), dimension, name, totals)


def named(rows: Iterable[UsageRow], name: str) -> list[UsageRow]:
    """The same rows under another name."""
    return [replace(one, name=name) for one in rows]


async def stream(*rows: UsageRow) -> AsyncIterator[UsageRow]:
    """The rows one after the other, as the ledger gives them."""
    for one in rows:
        yield one
