"""The PromQL shapes that rules are made of, without any metric's name."""

from typing import Final

from grafana.dashboards.components import Scraped
from grafana.dashboards.promql import growth, quantile
from grafana.dashboards.selectors import ENVIRONMENT, everything, labels
from otel.names import Metric

# How long a series may have been away and is still known: after an outage of the telemetry it comes
# back with what it had counted before, which is not news.
MEMORY: Final = "1d"
# Processes export every 15 s at the slowest: an older sample is of one that is gone.
OLDEST_SAMPLE_SECONDS: Final = 120


def by_environment(*attributes: str) -> tuple[str, ...]:
    """The labels that an alert keeps of what is pushed."""
    return (ENVIRONMENT, *attributes)


def grown(metric: Metric, *extra: str, by: tuple[str, ...], window: str, series: str = "") -> str:
    """The summed increase of a counter over the window."""
    return growth(metric, *extra, by=by, window=window, series=series, select=everything)


def counted(metric: Metric, *extra: str, by: tuple[str, ...], window: str) -> str:
    """How many events a counter counted within the window, its very first one too.

    `increase()` compares samples within the window, so it does not see the event that a series
    begins with; the 0 that Prometheus may put before it lies where the process started, which can
    be long before the window. So what a series tells last, if its process lives or not, is compared
    with what it told before the window, and one that was not there counts whole; `increase()`
    remains for counters that began anew.
    """
    series = f"{metric.prometheus}{everything(metric, *extra)}"
    last = f"last_over_time({series}[{window}])"
    before = f"last_over_time({series}[{MEMORY}] offset {window})"
    events = f"({last} unless {before}) or ({last} - {before} > 0) or increase({series}[{window}])"
    return f"sum by ({labels(*by)}) ({events})"


def slowest(metric: Metric, *, by: tuple[str, ...], window: str, least: float) -> str:
    """The 95th percentile of a histogram, where there were at least so many observations."""
    observed = grown(metric, by=by, window=window, series="_count")
    p95 = quantile(metric, 0.95, by=by, window=window, select=everything)
    return f"{p95} and {observed} >= {least:g}"


def share(part: str, whole: str, *, least: float) -> str:
    """Part of whole, where there were at least so many of the part: no ratio of one in two."""
    return f"{part} / {whole} and {part} >= {least:g}"


def latest(metric: Metric, *extra: str, by: tuple[str, ...], of: str = "max") -> str:
    """A gauge of the processes that are alive.

    What is pushed has no mark at its end: a process that is gone keeps its last value for minutes.
    """
    series = f"{metric.prometheus}{everything(metric, *extra)}"
    fresh = f"{series} and timestamp({series}) > time() - {OLDEST_SAMPLE_SECONDS}"
    return f"{of} by ({labels(*by)}) ({fresh})"


def lost(metric: Scraped, signal: str, *, by: tuple[str, ...], window: str) -> str:
    """What the Collector lost of a signal within the window, labelled with the signal."""
    items = counted(metric, by=("job", "instance", *by), window=window)
    return f'label_replace({items}, "signal", "{signal}", "", "")'
