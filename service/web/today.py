"""What the page says of today: cost, latency, requests, caching, and who and what used it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from service.ledger.documents import BudgetState, Latency, Totals, Usage
from service.web import figures
from service.web.budgets import BudgetView, budget_view
from service.web.figures import Figure
from service.web.moments import Zoned

ERRORS_RAISED = Decimal(1)
ERRORS_HIGH = Decimal(5)
"""Failed requests in percent from which the page says `raised` and `high`."""
ROWS = 25
"""The rows of a breakdown; the rest are one row."""


@dataclass(frozen=True, slots=True)
class LatencyView:
    """Latency as shown."""

    average: Figure
    p50: Figure
    p95: Figure
    p99: Figure


@dataclass(frozen=True, slots=True)
class TodayView:
    """The cards at the top."""

    cost: Figure
    budget: BudgetView | None
    """That which limits everything's cost for the day."""
    latency: LatencyView
    requests: Figure
    errors: Figure
    error_rate: str
    error_level: str
    """`ok`, `warning` or `exhausted`, as budgets have them."""
    error_word: str
    cache_hits: Figure
    hit_rate: str
    saved: Figure
    users: Figure
    input_tokens: Figure
    output_tokens: Figure
    cached_tokens: Figure
    unpriced: str | None
    """How many requests are not in the cost, in words; None where all are."""
    estimated: Figure


@dataclass(frozen=True, slots=True)
class UsageRow:
    """One name's part in today."""

    name: str
    requests: Figure
    errors: Figure
    tokens: Figure
    cost: Figure
    priced: bool
    """False where no request has a known price: its cost is unknown, which is not $0."""
    unpriced: int
    share: str
    share_width: str
    average: Figure
    p95: Figure


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Today by one grouping, dearest first."""

    key: str
    title: str
    rows: tuple[UsageRow, ...]
    left_out: int


def today_view(usage: Usage, budgets: Sequence[BudgetState], zoned: Zoned) -> TodayView:
    """The cards for a day's usage."""
    totals = usage.totals
    rate = figures.share(totals.errors, totals.requests)
    level, word = _error_level(rate)
    tokens = totals.tokens
    chosen = day_budget(budgets)
    return TodayView(
        cost=figures.usd(totals.cost_usd),
        budget=None if chosen is None else budget_view(chosen, zoned),
        latency=latency_view(totals.latency),
        requests=figures.count(totals.requests),
        errors=figures.count(totals.errors),
        error_rate=figures.percent(rate),
        error_level=level,
        error_word=word,
        cache_hits=figures.count(totals.cache_hits),
        hit_rate=figures.percent(figures.share(totals.cache_hits, totals.requests)),
        saved=figures.usd(totals.saved_usd),
        users=figures.count(usage.users),
        input_tokens=figures.short_count(tokens.input),
        output_tokens=figures.short_count(tokens.output),
        cached_tokens=figures.short_count(tokens.cache_read),
        unpriced=_not_in_it(totals.unpriced_requests),
        estimated=figures.count(totals.estimated_requests),
    )


def day_budget(budgets: Sequence[BudgetState]) -> BudgetState | None:
    """The budget in USD that limits the whole for the day; of several the one most used."""
    found = [
        state
        for state in budgets
        if state.scope == "whole" and state.window == "day" and state.unit == "usd"
    ]
    return max(found, key=lambda state: state.used_percent, default=None)


def latency_view(latency: Latency) -> LatencyView:
    """Average and percentiles."""
    return LatencyView(
        figures.duration(latency.avg_latency_ms),
        figures.duration(latency.p50),
        figures.duration(latency.p95),
        figures.duration(latency.p99),
    )


def breakdowns(usage: Usage) -> tuple[Breakdown, ...]:
    """Today by everything it can be told by; what nobody uses is left out."""
    whole = Decimal(usage.totals.cost_usd)
    groupings = (
        ("model", "By model", usage.by_model),
        ("app", "By app", usage.by_app),
        ("service", "By service", usage.by_service),
        ("provider", "By provider", usage.by_provider),
        ("component", "By component", usage.by_component),
        ("user", "By user (dearest, hashed)", usage.by_user),
    )
    return tuple(_breakdown(key, title, names, whole) for key, title, names in groupings if names)


def _breakdown(key: str, title: str, names: Mapping[str, Totals], whole: Decimal) -> Breakdown:
    ordered = sorted(
        names.items(), key=lambda item: (-Decimal(item[1].cost_usd), -item[1].requests, item[0])
    )
    rows = tuple(_row(name, totals, whole) for name, totals in ordered[:ROWS])
    return Breakdown(key, title, rows, max(0, len(ordered) - ROWS))


def _row(name: str, totals: Totals, whole: Decimal) -> UsageRow:
    part = figures.share(Decimal(totals.cost_usd), whole)
    return UsageRow(
        name=name,
        requests=figures.count(totals.requests),
        errors=figures.count(totals.errors),
        tokens=figures.short_count(totals.tokens.input + totals.tokens.output),
        cost=figures.usd(totals.cost_usd),
        priced=Decimal(totals.cost_usd) > 0 or totals.unpriced_requests < totals.requests,
        unpriced=totals.unpriced_requests,
        share=figures.percent(part),
        share_width=figures.width(part),
        average=figures.duration(totals.latency.avg_latency_ms),
        p95=figures.duration(totals.latency.p95),
    )


def _not_in_it(unpriced: int) -> str | None:
    return f"{figures.some(unpriced, 'unpriced request')} not in it" if unpriced else None


def _error_level(rate: Decimal | None) -> tuple[str, str]:
    if rate is None or rate < ERRORS_RAISED:
        return "ok", "normal"
    return ("warning", "raised") if rate < ERRORS_HIGH else ("exhausted", "high")
