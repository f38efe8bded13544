"""What `gaugeway top` makes of a service's figures: changes, shares, and which are alarming."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cli.settings import Level, Thresholds
from service.api.admin.documents import MetricsReport
from service.ledger.documents import BudgetState
from service.web.budgets import BudgetView, budget_view
from service.web.moments import Zoned
from service.web.today import day_budget

_BUDGET_LEVELS: Mapping[str, Level] = {"ok": "green", "warning": "yellow", "exhausted": "red"}
_ORDER: tuple[Level, ...] = ("green", "yellow", "red")


@dataclass(frozen=True, slots=True)
class Timing:
    """A figure of this hour's latency, and by how many percent it is above the hour before's."""

    milliseconds: float | None
    level: Level | None
    change_percent: float | None
    change_level: Level | None


@dataclass(frozen=True, slots=True)
class BudgetFigure:
    """A budget as told, as shown, and its colour."""

    state: BudgetState
    view: BudgetView
    level: Level


@dataclass(frozen=True, slots=True)
class Figures:
    """What is shown; shares are in percent, None where there is nothing to share."""

    metrics: MetricsReport
    average: Timing
    p95: Timing
    errors_percent: float | None
    errors_level: Level | None
    failing_level: Level | None
    """Of the last minute's requests."""
    cache_hit_percent: float | None
    cost_level: Level | None
    budgets: tuple[BudgetFigure, ...]
    """Those most in need of attention first."""


def figures_of(metrics: MetricsReport, thresholds: Thresholds) -> Figures:
    """Judge a service's figures."""
    hour, before, rates = metrics.hour.latency, metrics.hour_before.latency, metrics.rates
    errors = _percent(rates.error_share_today)
    failing = _share(rates.errors_per_minute, rates.requests_per_minute)
    whole = day_budget(metrics.budgets)
    slower = thresholds.slower_percent
    average = _change(hour.avg_latency_ms, before.avg_latency_ms)
    p95 = _change(hour.p95, before.p95)
    return Figures(
        metrics=metrics,
        average=Timing(hour.avg_latency_ms, None, average, slower.level(average)),
        p95=Timing(hour.p95, thresholds.p95_ms.level(hour.p95), p95, slower.level(p95)),
        errors_percent=errors,
        errors_level=thresholds.errors_percent.level(errors),
        failing_level=thresholds.errors_percent.level(failing),
        cache_hit_percent=_percent(rates.cache_hit_share_today),
        cost_level=None if whole is None else budget_level(whole, thresholds),
        budgets=_budgets(metrics, thresholds),
    )


def budget_level(state: BudgetState, thresholds: Thresholds) -> Level:
    """The colour of a budget: what it says of itself, or what is used of it, if that is worse."""
    own = _BUDGET_LEVELS.get(state.level, "green")
    used = thresholds.budget_percent.level(state.used_percent) or "green"
    return _ORDER[max(_ORDER.index(own), _ORDER.index(used))]


def zoned(metrics: MetricsReport) -> Zoned:
    """The moment the figures are of, in the service's time zone."""
    moment = datetime.fromisoformat(metrics.as_of)
    try:
        return Zoned(moment, ZoneInfo(metrics.time_zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # This machine may know fewer zones than the service's.
        return Zoned(moment, ZoneInfo("UTC"))


def _budgets(metrics: MetricsReport, thresholds: Thresholds) -> tuple[BudgetFigure, ...]:
    now = zoned(metrics)
    found = [
        BudgetFigure(state, budget_view(state, now), budget_level(state, thresholds))
        for state in metrics.budgets
    ]
    found.sort(key=lambda one: (-_ORDER.index(one.level), -one.state.used_percent, one.state.name))
    return tuple(found)


def _change(now: float | None, before: float | None) -> float | None:
    return None if now is None or not before else (now - before) / before * 100


def _share(part: int, whole: int) -> float | None:
    return part / whole * 100 if whole else None


def _percent(share: float | None) -> float | None:
    # Shares come with six decimals; a double makes 7.8549999999999995 of some.
    return None if share is None else round(share * 100, 4)
