"""What an exported row is: one bucket of time, one name, everything counted for it.

`COLUMNS` states the columns once; the CSV header, the keys of JSON and the table in PostgreSQL are
all made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from service.ledger.documents import Tokens, Totals

Grain = Literal["hour", "day", "month"]
Kind = Literal["text", "date", "time", "integer", "number", "money"]
Value = str | int | float | Decimal | date | datetime | None

TOTAL = "total"
"""The dimension of the row that counts everything; its name is empty."""


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What was used in one bucket by one name of one dimension.

    `starts_at` and `ends_at` carry the offset of the ledger's time zone, which decides where a day
    and a month begin. `dimension` is `total`, `service`, `provider`, `model` and so on.
    """

    grain: Grain
    starts_at: datetime
    ends_at: datetime
    dimension: str
    name: str
    totals: Totals


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, what it holds, and how it is read from a row."""

    name: str
    kind: Kind
    read: Callable[[UsageRow], Value]


def _tokens(kind: str) -> Column:
    def read(row: UsageRow) -> int:
        count: int = getattr(row.totals.tokens, kind)
        return count

    return Column(f"{kind}_tokens", "integer", read)


KEY = ("grain", "starts_at", "dimension", "name")
"""The columns that name a row: there is one for each combination."""

COLUMNS: tuple[Column, ...] = (
    Column("grain", "text", lambda row: row.grain),
    Column("day", "date", lambda row: row.starts_at.date()),
    Column("starts_at", "time", lambda row: row.starts_at),
    Column("ends_at", "time", lambda row: row.ends_at),
    Column("dimension", "text", lambda row: row.dimension),
    Column("name", "text", lambda row: row.name),
    Column("requests", "integer", lambda row: row.totals.requests),
    Column("errors", "integer", lambda row: row.totals.errors),
    Column("cache_hits", "integer", lambda row: row.totals.cache_hits),
    Column("unpriced_requests", "integer", lambda row: row.totals.unpriced_requests),
    Column("estimated_requests", "integer", lambda row: row.totals.estimated_requests),
    *(_tokens(kind) for kind in Tokens.model_fields),
    Column("characters", "integer", lambda row: row.totals.characters),
    Column("audio_seconds", "number", lambda row: row.totals.seconds),
    Column("cost_usd", "money", lambda row: Decimal(row.totals.cost_usd)),
    Column("saved_usd", "money", lambda row: Decimal(row.totals.saved_usd)),
    Column("timed_requests", "integer", lambda row: row.totals.latency.requests),
    Column("total_latency_ms", "number", lambda row: row.totals.latency.total_latency_ms),
    Column("avg_latency_ms", "number", lambda row: row.totals.latency.avg_latency_ms),
    Column("p50_latency_ms", "number", lambda row: row.totals.latency.p50),
    Column("p95_latency_ms", "number", lambda row: row.totals.latency.p95),
    Column("p99_latency_ms", "number", lambda row: row.totals.latency.p99),
)


def values(row: UsageRow) -> Iterator[Value]:
    """The row's values in the order of `COLUMNS`."""
    return (column.read(row) for column in COLUMNS)
