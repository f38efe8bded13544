"""Which series a panel reads: the dashboard's variables as label matchers.

The labels that a metric declares in `otel.names` decide which variables can filter it, so a query
never asks for a label that its metric does not have.
"""

from typing import Final, Protocol

from grafana.dashboards.components import Scraped
from otel import attributes
from otel.names import Metric

ENVIRONMENT: Final = "deployment.environment.name"
SERVICE: Final = "service.name"
INSTANCE: Final = "service.instance.id"

# Dashboard variable → the attribute it selects.
VARIABLES: Final = {
    "environment": ENVIRONMENT,
    "app": attributes.APP,
    "provider": attributes.PROVIDER_NAME,
    "model": attributes.REQUEST_MODEL,
}


def label(attribute: str) -> str:
    """The attribute as Prometheus and Loki spell it: `gaugeway.app` is `gaugeway_app`."""
    return attribute.replace(".", "_")


def labels(*names: str) -> str:
    """Attributes as the inside of a `by (…)`."""
    return ", ".join(label(name) for name in names)


class Select(Protocol):
    """Makes `{…}` for a metric."""

    def __call__(self, metric: Metric, /, *extra: str) -> str:
        """Return the braces with what is between them."""
        ...


def matchers(metric: Metric, *extra: str) -> str:
    """`{…}` for a metric: the environment, each variable it has the label of, and `extra` as is.

    The environment is a promoted resource attribute, which every metric carries that is pushed.
    """
    declared = {*metric.attributes, *(() if isinstance(metric, Scraped) else (ENVIRONMENT,))}
    filters = [
        f'{label(attribute)}=~"${variable}"'
        for variable, attribute in VARIABLES.items()
        if attribute in declared
    ]
    return "{" + ",".join([*filters, *extra]) + "}"


def everything(_metric: Metric, *extra: str) -> str:
    """`{…}` for rules, which no dashboard's variables narrow."""
    return "{" + ",".join(extra) + "}"


def environment_matcher(*extra: str) -> str:
    """`{…}` for what knows no more than the environment, such as a log stream."""
    return "{" + ",".join([f'{label(ENVIRONMENT)}=~"$environment"', *extra]) + "}"
