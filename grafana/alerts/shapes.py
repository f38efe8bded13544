"""The PromQL shapes that rules are made of, without any metric's name."""

from grafana.dashboards import promql
from grafana.dashboards.components import Scraped
from grafana.dashboards.promql import growth, quantile
from grafana.dashboards.selectors import ENVIRONMENT, everything, labels
from otel.names import Metric


def by_environment(*attributes: str) -> tuple[str, ...]:
    """The labels that an alert keeps of what is pushed."""
    return (ENVIRONMENT, *attributes)


def grown(metric: Metric, *extra: str, by: tuple[str, ...], window: str, series: str = "") -> str:
    """The summed increase of a counter over the window."""
    return growth(metric, *extra, by=by, window=window, series=series, select=everything)


def counted(
    metric: Metric,
    *extra: str,
    by: tuple[str, ...],
    window: str,
    series: str = "",
    ended: str = "",
) -> str:
    """How many events a counter counted within the window, its very first one too.

    The window ended so long ago, where it does not end now.
    """
    return promql.counted(
        metric, *extra, by=by, window=window, series=series, select=everything, ended=ended
    )


def slowest(metric: Metric, *, by: tuple[str, ...], window: str, least: float) -> str:
    """The 95th percentile of a histogram, where there were at least so many observations."""
    observed = grown(metric, by=by, window=window, series="_count")
    p95 = quantile(metric, 0.95, by=by, window=window, select=everything)
    return f"{p95} and {observed} >= {least:g}"


def share(part: str, whole: str, *, least: float) -> str:
    """Part of whole, where there were at least so many of the part: no ratio of one in two."""
    return f"{part} / {whole} and {part} >= {least:g}"


def latest(metric: Metric, *extra: str, by: tuple[str, ...], of: str = "max") -> str:
    """A gauge of the processes that are alive."""
    series = f"{metric.prometheus}{everything(metric, *extra)}"
    return f"{of} by ({labels(*by)}) ({promql.fresh(series)})"


def lost(metric: Scraped, signal: str, *, by: tuple[str, ...], window: str) -> str:
    """What the Collector lost of a signal within the window, labelled with the signal."""
    items = counted(metric, by=("job", "instance", *by), window=window)
    return f'label_replace({items}, "signal", "{signal}", "", "")'
