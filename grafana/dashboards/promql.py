"""The handful of PromQL shapes that panels and rules are made of, without any metric's name.

Panels select by the dashboard's variables, rules by nothing: `select=everything`.
"""

from grafana.dashboards.selectors import Select, labels, matchers
from otel.names import Metric

# For graphs: Grafana makes it at least four scrapes long, so that a rate always has two points.
GRAPH_WINDOW = "$__rate_interval"
# For tables: all that the chosen time range shows.
RANGE_WINDOW = "$__range"
# For the row of stats: what is wrong now.
NOW_WINDOW = "5m"
DAY_WINDOW = "24h"

# More series than this make a graph unreadable and its legend longer than its panel.
LEADING_SERIES = 8


def per_second(
    metric: Metric,
    *extra: str,
    by: tuple[str, ...] = (),
    window: str = GRAPH_WINDOW,
    series: str = "",
    select: Select = matchers,
) -> str:
    """The summed rate of a counter; `series` is `_count` or `_sum` for a histogram's own."""
    selected = f"{metric.prometheus}{series}{select(metric, *extra)}"
    return f"{_sum(by)}(rate({selected}[{window}]))"


def growth(
    metric: Metric,
    *extra: str,
    by: tuple[str, ...] = (),
    window: str = RANGE_WINDOW,
    series: str = "",
    select: Select = matchers,
) -> str:
    """The summed increase of a counter over the window."""
    selected = f"{metric.prometheus}{series}{select(metric, *extra)}"
    return f"{_sum(by)}(increase({selected}[{window}]))"


def quantile(
    metric: Metric,
    share: float,
    *extra: str,
    by: tuple[str, ...] = (),
    window: str = GRAPH_WINDOW,
    select: Select = matchers,
) -> str:
    """A histogram's quantile, 0 to 1, in the histogram's unit."""
    selected = f"{metric.prometheus}_bucket{select(metric, *extra)}"
    grouped = ", ".join(["le", *([labels(*by)] if by else [])])
    return f"histogram_quantile({share:g}, sum by ({grouped}) (rate({selected}[{window}])))"


def ratio(part: str, whole: str) -> str:
    """Part of whole, 0 where there is a whole but no series of the part, NaN where both rest."""
    return f"({part} or 0 * {whole}) / {whole}"


def or_zero(expression: str, evidence: str) -> str:
    """0 for a counter that was not needed yet, but nothing where there is no evidence of life."""
    return f"({expression}) or 0 * {evidence}"


def leading(
    expression: str,
    metric: Metric,
    *,
    by: tuple[str, ...],
    series: str = "",
    most: int = LEADING_SERIES,
) -> str:
    """Only the series that grew most over the whole range, the same ones at every step."""
    selected = f"{metric.prometheus}{series}{matchers(metric)}"
    grown = f"{_sum(by)}(increase({selected}[{RANGE_WINDOW}] @ end()))"
    return f"{expression} and on ({labels(*by)}) topk({most}, {grown})"


def _sum(by: tuple[str, ...]) -> str:
    return f"sum by ({labels(*by)}) " if by else "sum"
