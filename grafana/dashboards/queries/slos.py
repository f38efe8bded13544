"""The queries of "SLOs": they read what the objectives' rules record, and nothing raw."""

from collections.abc import Iterable
from typing import Final

from grafana.dashboards.queries.query import Query, shown
from grafana.dashboards.selectors import ENVIRONMENT, label, labels, matchers
from grafana.slos import series
from grafana.slos.series import BUDGET_WINDOW, PIECE, SLO_NAME
from grafana.slos.slo import SLO
from otel.names import Metric

# Budgets overdrawn more than once look alike: the graph ends there.
LOWEST_BUDGET: Final = -1


def _of(metric: Metric, slo: SLO) -> str:
    which = f'{label(SLO_NAME)}="{slo.name}"'
    return f"{metric.prometheus}{matchers(metric, which)}"


# What is wrong now: one number each, of several environments the worst.


def attained(slo: SLO) -> Query:
    """The good share of the budget's window."""
    return Query(f"1 - max({_of(series.ERROR_RATIO[slo.window], slo)})", "good")


def budget_left(slo: SLO) -> Query:
    """What is left of the error budget."""
    return Query(f"min({_of(series.BUDGET_LEFT, slo)})", "left")


# Why.


def burn_rates(slo: SLO) -> tuple[Query, ...]:
    """How fast the windows that alerts compare burn the budget."""
    return tuple(
        Query(f"max({_of(series.BURN_RATE[window], slo)})", window)
        for window in (PIECE, "1h", "6h", "3d")
    )


BUDGETS: Final = Query(
    f"min by ({labels(SLO_NAME)}) "
    f"(clamp_min({series.BUDGET_LEFT.prometheus}{matchers(series.BUDGET_LEFT)}, {LOWEST_BUDGET}))",
    shown(SLO_NAME),
)


def bad_shares(slos: Iterable[SLO]) -> tuple[Query, ...]:
    """The bad share of the last hour, a line for each objective."""
    hour = series.ERROR_RATIO["1h"]
    return tuple(Query(f"max({_of(hour, slo)})", slo.title) for slo in slos)


# Which: a table, column → query.


def _worst(metric: Metric, function: str = "max") -> str:
    by = labels(SLO_NAME, ENVIRONMENT)
    return f"{function} by ({by}) ({metric.prometheus}{matchers(metric)})"


OBJECTIVES: Final = {
    "Objective": _worst(series.OBJECTIVE),
    "Good, 30 d": f"1 - {_worst(series.ERROR_RATIO[BUDGET_WINDOW])}",
    "Budget left": _worst(series.BUDGET_LEFT, "min"),
    "Burn 1 h": _worst(series.BURN_RATE["1h"]),
    "Burn 6 h": _worst(series.BURN_RATE["6h"]),
    "Burn 1 d": _worst(series.BURN_RATE["1d"]),
    "Burn 3 d": _worst(series.BURN_RATE["3d"]),
}
