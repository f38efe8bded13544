"""How the page shows budgets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from service.ledger.documents import BudgetState
from service.web import figures
from service.web.figures import Figure
from service.web.moments import Moment, Zoned

LEVELS = {"ok": "OK", "warning": "Warning", "exhausted": "Exhausted"}
_ORDER = {"exhausted": 0, "warning": 1, "ok": 2}


@dataclass(frozen=True, slots=True)
class BudgetView:
    """One budget as shown; widths are percent of its bar."""

    name: str
    whose: str
    window: str
    limit: Figure
    spent: Figure
    reserved: Figure
    remaining: Figure
    forecast: Figure | None
    forecast_over: bool
    used: str
    spent_width: str
    reserved_width: str
    resets_at: Moment
    resets_in: str
    denials: Figure
    level: str
    level_word: str
    users: tuple[str, ...]
    by_user: bool


def budget_views(states: Sequence[BudgetState], zoned: Zoned) -> tuple[BudgetView, ...]:
    """All budgets, those that need attention first."""
    ordered = sorted(
        states, key=lambda state: (_ORDER.get(state.level, 3), -state.used_percent, state.name)
    )
    return tuple(budget_view(state, zoned) for state in ordered)


def budget_view(state: BudgetState, zoned: Zoned) -> BudgetView:
    """One budget's present window."""
    limit = Decimal(state.limit)
    seconds = (datetime.fromisoformat(state.resets_at) - zoned.now).total_seconds()
    forecast = None if state.forecast is None else figures.quantity(state.forecast, state.unit)
    return BudgetView(
        name=state.name,
        whose=state.scope if state.value is None else f"{state.scope} {state.value}",
        window=state.window,
        limit=figures.quantity(state.limit, state.unit),
        spent=figures.quantity(state.spent, state.unit),
        reserved=figures.quantity(state.reserved, state.unit),
        remaining=figures.quantity(state.remaining, state.unit),
        forecast=forecast,
        forecast_over=state.forecast is not None and Decimal(state.forecast) > limit,
        used=figures.percent(state.used_percent),
        spent_width=figures.width(state.used_percent),
        reserved_width=figures.width(figures.share(Decimal(state.reserved), limit)),
        resets_at=zoned.calendar(state.resets_at),
        resets_in=figures.span_of_time(max(0.0, seconds)),
        denials=figures.count(state.denials),
        level=state.level if state.level in LEVELS else "ok",
        level_word=LEVELS.get(state.level, state.level),
        users=tuple(
            f"{figures.count(step.users).text} at {step.percent} %" for step in state.users
        ),
        by_user=state.scope == "user" and state.value is None,
    )
