"""What a query is, and the pieces that queries of several dashboards share."""

from dataclasses import dataclass
from typing import Final

from grafana.dashboards.promql import per_second, quantile
from grafana.dashboards.selectors import label
from otel import attributes as a
from otel import names

HOUR: Final = 3600
FAILED: Final = f'{label(a.ERROR_TYPE)}!=""'
MODEL: Final = (a.PROVIDER_NAME, a.REQUEST_MODEL)


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel. `legend` is Grafana's template, or a fixed name."""

    expression: str
    legend: str = ""
    exemplars: bool = False


def shown(attribute: str) -> str:
    """A label's value in a legend."""
    return "{{" + label(attribute) + "}}"


def traffic(window: str) -> str:
    """Inferences per second: where there are none, a counter at rest says nothing either."""
    return per_second(names.OPERATION_DURATION, window=window, series="_count")


def percentiles(metric: names.Metric) -> tuple[Query, ...]:
    """A histogram's p50, p95 and p99 over time.

    Exemplars are asked for once a panel: each query would bring the same ones again.
    """
    return (
        Query(quantile(metric, 0.50), "p50"),
        Query(quantile(metric, 0.95), "p95", exemplars=True),
        Query(quantile(metric, 0.99), "p99"),
    )
