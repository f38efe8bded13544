"""The handful of PromQL shapes that panels and rules are made of, without any metric's name.

Panels select by the dashboard's variables, rules by nothing: `select=everything`. What panels ask
over the chosen time range they ask of raw series or, where there are some, of rollups: see
`grafana.dashboards.rollups`.
"""

from collections.abc import Callable

from grafana.dashboards import rollups
from grafana.dashboards.selectors import Select, label, labels, matchers
from grafana.dashboards.variable_values import seconds_of
from otel.names import Metric

# For graphs: Grafana makes it at least four scrapes long, so that a rate always has two points.
GRAPH_WINDOW = "$__rate_interval"
# For tables: all that the chosen time range shows.
RANGE_WINDOW = "$__range"
# For the row of stats: what is wrong now.
NOW_WINDOW = "5m"
DAY_WINDOW = "24h"

# Of these, a rollup can tell in place of raw series.
_LONG_WINDOWS = frozenset({GRAPH_WINDOW, RANGE_WINDOW})

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
    return _either(
        lambda raw: f"{_sum(by)}(rate({raw}[{window}]))",
        lambda rollup: (
            f"{_stepped(_sum(by), 'avg_over_time', rollup, window)} / ${rollups.VARIABLE}"
        ),
        metric=metric,
        series=series,
        by=by,
        extra=extra,
        long=window in _LONG_WINDOWS,
        select=select,
    )


def growth(
    metric: Metric,
    *extra: str,
    by: tuple[str, ...] = (),
    window: str = RANGE_WINDOW,
    series: str = "",
    select: Select = matchers,
    at: str = "",
) -> str:
    """The summed increase of a counter over the window, which `at` may put elsewhere: `@ end()`."""
    moved = f" {at}" if at else ""
    return _either(
        lambda raw: f"{_sum(by)}(increase({raw}[{window}]{moved}))",
        lambda rollup: f"{_sum(by)}(sum_over_time({rollup}[{window}]{moved}))",
        metric=metric,
        series=series,
        by=by,
        extra=extra,
        long=window == RANGE_WINDOW,
        select=select,
    )


def counted(
    metric: Metric,
    *extra: str,
    by: tuple[str, ...] = (),
    window: str = RANGE_WINDOW,
    series: str = "",
    select: Select = matchers,
    ended: str = "",
) -> str:
    """What a counter counted within the window, its very first event too.

    `ended` says how long ago the window ended, where it does not end now.

    `increase()` compares samples within the window, so it does not see the event that a series
    begins with; the 0 that Prometheus may put before it lies where the process started, which can
    be long before the window. So what a series tells last, if its process lives or not, is compared
    with what it told before the window, which is 0 where it was not there; `increase()` remains for
    counters that began anew.
    """

    began = f"{seconds_of(window) + seconds_of(ended)}s" if ended else window

    def events(selected: str) -> str:
        within = f"{selected}[{window}]" + (f" offset {ended}" if ended else "")
        last = f"last_over_time({within})"
        before = f"last_over_time({selected}[{MEMORY}] offset {began})"
        return f"{last} - ({before} or 0 * {last}) >= 0 or increase({within})"

    grouped = f"sum by ({labels(*by)})"
    return _either(
        lambda raw: f"{grouped} ({events(raw)})",
        lambda rollup: f"{grouped} (sum_over_time({rollup}[{window}]))",
        metric=metric,
        series=series,
        by=by,
        extra=extra,
        long=window == RANGE_WINDOW,
        select=select,
    )


def fresh(series: str) -> str:
    """A gauge of the processes that are alive.

    What is pushed has no mark at its end: a process that is gone keeps its last value for minutes.
    """
    return f"{series} and timestamp({series}) > time() - {OLDEST_SAMPLE_SECONDS}"


def highest(metric: Metric, *, by: tuple[str, ...]) -> str:
    """The highest that a gauge tells of in the processes that are alive, over time."""
    grouped = f"max by ({labels(*by)})"
    return _either(
        lambda raw: f"{grouped} ({fresh(raw)})",
        lambda rollup: _stepped(f"{grouped} ", "max_over_time", rollup, GRAPH_WINDOW),
        metric=metric,
        by=by,
    )


def quantile(
    metric: Metric,
    share: float,
    *extra: str,
    by: tuple[str, ...] = (),
    window: str = GRAPH_WINDOW,
    select: Select = matchers,
) -> str:
    """A histogram's quantile, 0 to 1, in the histogram's unit."""
    grouped = f"sum by ({', '.join(['le', *([labels(*by)] if by else [])])})"
    buckets = _either(
        lambda raw: f"{grouped} (rate({raw}[{window}]))",
        lambda rollup: _stepped(f"{grouped} ", "sum_over_time", rollup, window),
        metric=metric,
        series="_bucket",
        by=by,
        extra=extra,
        long=window in _LONG_WINDOWS,
        select=select,
    )
    return f"histogram_quantile({share:g}, {buckets})"


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
    grown = growth(metric, by=by, series=series, at="@ end()")
    return f"{expression} and on ({labels(*by)}) topk({most}, {grown})"


def _either(
    raw: Callable[[str], str],
    rolled: Callable[[str], str],
    *,
    metric: Metric,
    by: tuple[str, ...],
    series: str = "",
    extra: tuple[str, ...] = (),
    long: bool = True,
    select: Select = matchers,
) -> str:
    """What a shape says of raw series, or of a rollup where the range is long and there is one."""
    found = None
    if long and select is matchers:
        found = rollups.rollup_of(metric, series, by, extra)
    name = f"{metric.prometheus}{series}"
    if found is None:
        return raw(f"{name}{select(metric, *extra)}")
    rollup = found.recorded
    in_short = raw(f"{name}{matchers(metric, *extra, rollups.CHOSEN)}")
    in_long = rolled(f"{rollup.prometheus}{matchers(rollup, *extra, rollups.CHOSEN)}")
    return f"({in_short} or {in_long})"


def _stepped(grouped: str, over_time: str, rollup: str, window: str) -> str:
    """What grew in the steps of the window; where it is shorter than one, in the newest."""
    found = f"{grouped}({over_time}({rollup}[{window}]))"
    if window == RANGE_WINDOW:
        return found
    return f"({found} or {grouped}({over_time}({rollup}[{rollups.WINDOW}])))"


def _sum(by: tuple[str, ...]) -> str:
    return f"sum by ({labels(*by)}) " if by else "sum"
