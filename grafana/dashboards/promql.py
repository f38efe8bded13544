"""The handful of PromQL shapes that panels and rules are made of, without any metric's name.

Panels select by the dashboard's variables, rules by nothing: `select=everything`.
"""

from grafana.dashboards.selectors import Select, label, labels, matchers
from otel.names import Metric

# For graphs: Grafana makes it at least four scrapes long, so that a rate always has two points.
GRAPH_WINDOW = "$__rate_interval"
# For tables: all that the chosen time range shows.
RANGE_WINDOW = "$__range"
# For the row of stats: what is wrong now.
NOW_WINDOW = "5m"
DAY_WINDOW = "24h"

# How long a series may have been away and is still known: after an outage of the telemetry it comes
# back with what it had counted before, which is not news.
MEMORY = "1d"

# Processes export every 15 s at the slowest: an older sample is of one that is gone.
OLDEST_SAMPLE_SECONDS = 120

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


def counted(
    metric: Metric,
    *extra: str,
    by: tuple[str, ...] = (),
    window: str = RANGE_WINDOW,
    select: Select = matchers,
) -> str:
    """What a counter counted within the window, its very first event too.

    `increase()` compares samples within the window, so it does not see the event that a series
    begins with; the 0 that Prometheus may put before it lies where the process started, which can
    be long before the window. So what a series tells last, if its process lives or not, is compared
    with what it told before the window, which is 0 where it was not there; `increase()` remains for
    counters that began anew.
    """
    series = f"{metric.prometheus}{select(metric, *extra)}"
    last = f"last_over_time({series}[{window}])"
    before = f"last_over_time({series}[{MEMORY}] offset {window})"
    events = f"{last} - ({before} or 0 * {last}) >= 0 or increase({series}[{window}])"
    return f"sum by ({labels(*by)}) ({events})"


def fresh(series: str) -> str:
    """A gauge of the processes that are alive.

    What is pushed has no mark at its end: a process that is gone keeps its last value for minutes.
    """
    return f"{series} and timestamp({series}) > time() - {OLDEST_SAMPLE_SECONDS}"


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


def or_none(expression: str, evidence: str, *, by: tuple[str, ...]) -> str:
    """One line of 0 named `none` where there is life, but nothing that the expression counts."""
    none = f'label_replace(0 * {evidence}, "{label(by[-1])}", "none", "", "")'
    return f"{expression} or ({none} unless on () ({expression}))"


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
