"""The queries of "Cost and budgets"."""

from collections.abc import Callable
from typing import Final

from grafana.dashboards.promql import (
    DAY_WINDOW,
    GRAPH_WINDOW,
    NOW_WINDOW,
    RANGE_WINDOW,
    counted,
    fresh,
    growth,
    highest,
    leading,
    or_zero,
    per_second,
)
from grafana.dashboards.queries.query import HOUR, MODEL, Query, shown, traffic
from grafana.dashboards.queries.spent import dearest, of_each_day, spent
from grafana.dashboards.selectors import ENVIRONMENT, label, labels, matchers
from otel import attributes as a
from otel import names
from otel.names import Metric

# As many series as the legend of a graph holds that has three others beside it.
_MOST: Final = 5
_DAY_SECONDS: Final = 86400
_THOUSAND: Final = 1000


# What is wrong now: the first three over a time range of their own, from midnight or the first on.


COST_SINCE: Final = Query(spent(RANGE_WINDOW), "cost")
# `$__range_s` is what has passed of the month.
MONTH_FORECAST: Final = Query(
    f"{spent(RANGE_WINDOW)} / $__range_s * {_DAY_SECONDS} * days_in_month()", "forecast"
)
COST_PER_HOUR_NOW: Final = Query(
    or_zero(f"{per_second(names.COST, window=NOW_WINDOW)} * {HOUR}", traffic(NOW_WINDOW)), "cost"
)
DENIALS_OF_A_DAY: Final = Query(
    or_zero(counted(names.BUDGET_DENIALS, window=DAY_WINDOW), traffic(DAY_WINDOW)), "refused"
)
UNPRICED_OF_A_DAY: Final = Query(
    or_zero(counted(names.UNPRICED_OPERATIONS, window=DAY_WINDOW), traffic(DAY_WINDOW)), "unpriced"
)


# Budgets: every worker tells the same, so it is always the highest and never the sum.

_BUDGET: Final = (a.BUDGET_NAME, a.BUDGET_VALUE)
_BUDGET_SHOWN: Final = f"{shown(a.BUDGET_NAME)} {shown(a.BUDGET_VALUE)}"
# As many as a legend holds; names of budgets are longer than those of models.
_MOST_BUDGETS: Final = 6


def _standing(metric: Metric, by: tuple[str, ...] = _BUDGET) -> str:
    series = fresh(f"{metric.prometheus}{matchers(metric)}")
    return f"max by ({labels(ENVIRONMENT, *by)}) ({series})"


def _share(metric: Metric) -> str:
    """Of the limit: 1 is all of it."""
    return f"{_standing(metric)} / {_standing(names.BUDGET_LIMIT)}"


def _share_over_time(metric: Metric) -> str:
    by = (ENVIRONMENT, *_BUDGET)
    return f"{highest(metric, by=by)} / {highest(names.BUDGET_LIMIT, by=by)}"


def _fullest(expression: str) -> str:
    """Only the budgets that are fullest at the end, the same ones at every step."""
    by = labels(ENVIRONMENT, *_BUDGET)
    spent, limit = names.BUDGET_SPENT, names.BUDGET_LIMIT
    at_the_end = " / ".join(
        f"max by ({by}) ({metric.prometheus}{matchers(metric)} @ end())"
        for metric in (spent, limit)
    )
    return f"({expression}) and on ({by}) topk({_MOST_BUDGETS}, {at_the_end})"


LEAST_LEFT: Final = Query(f"min({_share(names.BUDGET_REMAINING)})", "left")
FASTEST_BURN: Final = Query(f"max({_share(names.BUDGET_FORECAST)})", "forecast")
BUDGETS_USED: Final = Query(_fullest(_share_over_time(names.BUDGET_SPENT)), _BUDGET_SHOWN)
BUDGETS_FORECAST: Final = Query(_fullest(_share_over_time(names.BUDGET_FORECAST)), _BUDGET_SHOWN)
BUDGET_ANSWERS: Final = (
    Query(or_zero(per_second(names.BUDGET_DENIALS), traffic(GRAPH_WINDOW)), "refused"),
    Query(or_zero(per_second(names.BUDGET_UNCHECKED), traffic(GRAPH_WINDOW)), "not asked"),
)
_EVERY_BUDGET: Final = (
    *(a.BUDGET_NAME, a.BUDGET_SCOPE, a.BUDGET_VALUE),
    *(a.BUDGET_WINDOW, a.BUDGET_UNIT),
)
BUDGETS: Final = {
    "Limit": _standing(names.BUDGET_LIMIT, _EVERY_BUDGET),
    "Spent": _standing(names.BUDGET_SPENT, _EVERY_BUDGET),
    "Reserved": _standing(names.BUDGET_RESERVED, _EVERY_BUDGET),
    "Left": _standing(names.BUDGET_REMAINING, _EVERY_BUDGET),
    "Forecast": _standing(names.BUDGET_FORECAST, _EVERY_BUDGET),
    "Used": f"{_standing(names.BUDGET_SPENT, _EVERY_BUDGET)}"
    f" / {_standing(names.BUDGET_LIMIT, _EVERY_BUDGET)}",
}


# Why: who spends, on what.


def _cost_per_hour(attribute: str) -> Query:
    paced = f"{per_second(names.COST, by=(attribute,))} * {HOUR}"
    return Query(leading(paced, names.COST, by=(attribute,), most=_MOST), shown(attribute))


COST_BY_APP: Final = _cost_per_hour(a.APP)
COST_BY_MODEL: Final = _cost_per_hour(a.REQUEST_MODEL)
COST_BY_PROVIDER: Final = _cost_per_hour(a.PROVIDER_NAME)
COST_BY_OPERATION: Final = _cost_per_hour(a.OPERATION_NAME)


# What an amount is in a table and in a graph; of two amounts alike, the ratio is the same.
_Amount = Callable[..., str]


def _tokens(amount: _Amount, by: tuple[str, ...]) -> str:
    """Input and output; an embedding has no output, a failure has neither."""
    given = amount(names.INPUT_TOKENS, by=by)
    return f"({given} + ({amount(names.OUTPUT_TOKENS, by=by)} or 0 * {given}))"


def _per_request(amount: _Amount, by: tuple[str, ...]) -> str:
    requests = amount(names.OPERATION_DURATION, by=by, series="_count")
    return f"{amount(names.COST, by=by)} / {requests}"


def _per_thousand_tokens(amount: _Amount, by: tuple[str, ...]) -> str:
    return f"{amount(names.COST, by=by)} / {_tokens(amount, by)} * {_THOUSAND}"


_BY_MODEL: Final = (a.REQUEST_MODEL,)
COST_PER_REQUEST: Final = Query(
    leading(_per_request(per_second, _BY_MODEL), names.COST, by=_BY_MODEL, most=_MOST),
    shown(a.REQUEST_MODEL),
)
COST_PER_THOUSAND_TOKENS: Final = Query(
    leading(_per_thousand_tokens(per_second, _BY_MODEL), names.COST, by=_BY_MODEL, most=_MOST),
    shown(a.REQUEST_MODEL),
)
SAVED: Final = Query(f"{per_second(names.SAVED, by=(a.SAVED_BY,))} * {HOUR}", shown(a.SAVED_BY))
_UNPRICED_PER_HOUR: Final = or_zero(
    f"{per_second(names.UNPRICED_OPERATIONS)} * {HOUR}", traffic(GRAPH_WINDOW)
)
UNPRICED: Final = Query(
    f'label_replace({_UNPRICED_PER_HOUR}, "{label(a.REQUEST_MODEL)}", "all models", "", "") or '
    + leading(
        f"{per_second(names.UNPRICED_OPERATIONS, by=_BY_MODEL)} * {HOUR}",
        names.UNPRICED_OPERATIONS,
        by=_BY_MODEL,
        most=_MOST,
    ),
    shown(a.REQUEST_MODEL),
)


# Over thirty days. A point stands at the beginning of its step and tells what was spent within it,
# so that the step under way is shown too.

DAYS: Final = "now-30d"
DAY_STEP: Final = "1d"
LINE_STEP: Final = "1h"


COST_PER_DAY_BY_MODEL: Final = Query(
    f"({of_each_day(_BY_MODEL, DAY_STEP)})"
    f" and on ({labels(*_BY_MODEL)}) {dearest(_BY_MODEL, DAY_STEP)}",
    shown(a.REQUEST_MODEL),
)
COST_OF_THIRTY_DAYS: Final = Query(of_each_day((), LINE_STEP), "a day's cost")


# Which: tables over the whole time range, column → query.


def _cost(by: tuple[str, ...]) -> dict[str, str]:
    cost = counted(names.COST, by=by)
    return {"Cost": cost, "Share": f"{cost} / scalar({counted(names.COST)})"}


def _spending(by: tuple[str, ...]) -> dict[str, str]:
    requests = growth(names.OPERATION_DURATION, by=by, series="_count")
    return {
        **_cost(by),
        "Requests": requests,
        "Per request": _per_request(growth, by),
        "Per 1k tokens": _per_thousand_tokens(growth, by),
        "Saved": counted(names.SAVED, by=by),
        "Unpriced": or_zero(counted(names.UNPRICED_OPERATIONS, by=by), requests),
    }


MODELS: Final = _spending(MODEL)
APPS: Final = _spending((a.APP,))
COMPONENTS: Final = _cost((a.APP, a.COMPONENT, a.OPERATION_NAME))
