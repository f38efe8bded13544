"""The JSON documents for operators that the ledger does not define itself.

Amounts are exact decimals in strings, times ISO 8601 with their offset, durations milliseconds
unless the name says another unit.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from service.ledger.documents import BudgetState, Day, Latency, Lost, Totals


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LatencyReport(_Document):
    """How long requests of a period took, as a whole and by kind of service."""

    period: str
    time_zone: str
    start: str
    end: str
    complete: bool
    """False where part of the period is no longer kept, waits in a journal, or was lost."""
    totals: Latency
    by_service: dict[str, Latency]


class HistoryDay(Day):
    """One day of the history, with the time zone whose midnights bound it."""

    time_zone: str


class BudgetsReport(_Document):
    """Every budget's present window; each states its own time zone."""

    as_of: str
    time_zone: str
    """Of `as_of`, and of budgets that name none."""
    budgets: tuple[BudgetState, ...]


class Check(_Document):
    """What the last look at something the service works with found."""

    up: bool
    latency_ms: float = Field(ge=0)
    checked_at: str
    problem: str | None
    """The kind of failure in one word; None when up."""


class HealthReport(_Document):
    """The health of the service and of what it works with; None was not looked at yet."""

    status: Literal["healthy", "degraded"]
    as_of: str
    environment: str
    version: str
    uptime_seconds: float = Field(ge=0)
    """Of the worker that answers."""
    active_sessions: int = Field(ge=0)
    """Conversations under way."""
    redis: Check | None
    collector: Check | None
    providers: dict[str, Check | None]
    """By target."""
    backends: dict[str, Check | None]
    """Those that a URL was given for: prometheus, loki, tempo."""
    background: dict[str, str] = {}
    """What fails of what goes on beside requests, by task: a file that cannot be read, for one."""


class OpenHealth(_Document):
    """What anybody is told of the service's health."""

    status: Literal["up", "degraded"]


class Rates(_Document):
    """How the service is used now; shares are of 1, None where there was no request to share."""

    requests_per_minute: int
    """Of the last full minute."""
    errors_per_minute: int
    error_share_today: float | None
    cache_hit_share_today: float | None


class Worker(_Document):
    """What the worker that answers knows of itself; others have figures of their own."""

    uptime_seconds: float
    requests_in_flight: int
    journal_entries: int
    """Entries of the ledger that wait until Redis takes them."""
    memory_entries: int = 0
    """Those among them that are in memory alone, because the disk refuses them."""
    lost_entries: int = 0
    """Those that are lost and that Redis has not been told of, so that no period has them yet."""
    ledger_available: bool


class MetricsReport(_Document):
    """The service's figures of the moment, of all workers but for `worker`."""

    as_of: str
    time_zone: str
    """Whose midnight began `today`."""
    environment: str
    version: str
    status: Literal["healthy", "degraded"]
    active_sessions: int
    today: Totals
    lost: Lost = Lost()
    """What is missing from `today` for good."""
    hour: Totals
    """The present hour since its beginning."""
    hour_before: Totals
    """The whole hour before it, to compare with."""
    rates: Rates
    budgets: tuple[BudgetState, ...]
    worker: Worker
