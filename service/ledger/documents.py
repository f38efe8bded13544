"""What the ledger tells: documents for the admin API, the operations page, `top` and exports.

Amounts are exact decimals in strings, times ISO 8601 with their offset, durations milliseconds.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tokens(_Document):
    """Tokens by kind; `cache_read`, `cache_write`, audio and image ones are inside input/output."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    input_audio: int = 0
    output_audio: int = 0
    input_image: int = 0
    output_image: int = 0


class Latency(_Document):
    """Of the requests that were answered or failed; percentiles are read from buckets."""

    requests: int = 0
    total_latency_ms: float = 0.0
    avg_latency_ms: float | None = None
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class Totals(_Document):
    """What was used in a span of time, by one grouping or as a whole."""

    requests: int = 0
    errors: int = 0
    cache_hits: int = 0
    unpriced_requests: int = 0
    estimated_requests: int = 0
    tokens: Tokens = Tokens()
    characters: int = 0
    seconds: float = 0.0
    cost_usd: str = "0"
    saved_usd: str = "0"
    """By the response cache and the providers' prompt caches together."""
    latency: Latency = Latency()


class Lost(_Document):
    """Requests that are in no figure: neither Redis nor the disk nor memory had room for them."""

    requests: int = 0
    unpriced_requests: int = 0
    """Those among them of which nobody knows what they cost."""
    cost_usd: str = "0"
    """Of the others."""


class Usage(_Document):
    """What was used in a period."""

    period: str
    time_zone: str
    start: str
    end: str
    complete: bool
    """False where part of it is no longer kept, waits in a journal, or was lost."""
    lost: Lost = Lost()
    totals: Totals
    by_service: dict[str, Totals]
    by_provider: dict[str, Totals]
    by_model: dict[str, Totals]
    by_app: dict[str, Totals]
    by_operation: dict[str, Totals]
    by_component: dict[str, Totals]
    by_user: dict[str, Totals]
    """The dearest users only, by their hashes."""
    users: int


class Day(_Document):
    """One day of the history."""

    date: str
    lost: Lost = Lost()
    totals: Totals
    by_service: dict[str, Totals]
    by_model: dict[str, Totals]
    by_app: dict[str, Totals]


class RequestSummary(_Document):
    """One request worth looking at."""

    trace_id: str
    asked_at: str
    app: str
    operation: str
    provider: str
    model: str
    component: str | None
    outcome: str
    error: str | None
    stream: bool
    estimated: bool
    latency_ms: float
    input_tokens: int
    output_tokens: int
    cost_usd: str | None
    """None: the model has no known price."""


class Notable(_Document):
    """The requests of the last hour worth looking at, most notable first."""

    dearest: tuple[RequestSummary, ...] = ()
    slowest: tuple[RequestSummary, ...] = ()
    failed: tuple[RequestSummary, ...] = ()


class UserThreshold(_Document):
    """How many users have reached a share of a budget that each user has."""

    percent: int
    users: int


class BudgetState(_Document):
    """One budget's present window; amounts are in `unit`, USD as exact decimals."""

    name: str
    scope: str
    value: str | None
    """Whose it is where the scope names one; None for the whole and for budgets by user."""
    window: str
    time_zone: str
    unit: str
    starts_at: str
    resets_at: str
    limit: str
    spent: str
    reserved: str
    remaining: str
    used_percent: float
    forecast: str | None
    """Expected at the window's end at the pace so far; None too early to tell."""
    denials: int
    level: str
    """`ok`, `warning` (a threshold is passed) or `exhausted`."""
    users: tuple[UserThreshold, ...] = ()
