"""What was spent in days and months: from recorded hours, as raw series are too many."""

from typing import Final

from grafana.dashboards import recorded
from grafana.dashboards.promql import LEADING_SERIES, RANGE_WINDOW
from grafana.dashboards.selectors import labels, matchers
from otel import names

_HOURS: Final = f"{recorded.COST.prometheus}{matchers(recorded.COST)}"
_COST: Final = f"{names.COST.prometheus}{matchers(names.COST)}"

# What each process counted at last, and at the last full hour.
_LAST: Final = f"last_over_time({_COST}[1h])"
_AT_THE_HOUR: Final = f"last_over_time({_LAST}[1h:1h])"
_HOUR_UNDER_WAY: Final = f"({_LAST} unless {_AT_THE_HOUR}) or ({_LAST} - {_AT_THE_HOUR})"

# True at a range query's last step alone.
_LAST_STEP: Final = "vector(time()) == last_over_time(vector(time())[1s:1s] @ end())"


def spent(window: str) -> str:
    """What was spent within the window, which begins with an hour.

    Whole hours as they were recorded, and the hour under way as the counters tell it.
    """
    return f"sum(sum_over_time({_HOURS}[{window}:1h]) or {_HOUR_UNDER_WAY})"


def of_each_day(by: tuple[str, ...], ahead: str) -> str:
    """What was spent in the 24 hours that end so far ahead of each step.

    The last of them is still under way and its last hours are not recorded: it is read from the
    counters, once.
    """
    grouped = f"sum by ({labels(*by)})"
    hours = f"{grouped} (sum_over_time({_HOURS}[1d:1h] offset -{ahead}))"
    counters = f"{grouped} ({_last_day(ahead)})"
    return f"({hours} unless on () {_LAST_STEP}) or ({counters} and on () {_LAST_STEP})"


def dearest(by: tuple[str, ...], ahead: str, *, most: int = LEADING_SERIES) -> str:
    """Those that cost most over the whole range, the same ones at every step."""
    hours = f"sum_over_time({_HOURS}[{RANGE_WINDOW}:1h] @ end())"
    return f"topk({most}, sum by ({labels(*by)}) ({hours} or {_last_day(ahead)}))"


def _last_day(ahead: str) -> str:
    return f"increase({_COST}[1d] @ end() offset -{ahead})"
