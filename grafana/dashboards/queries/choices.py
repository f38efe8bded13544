"""What the dashboards' variables offer."""

from grafana.dashboards.selectors import environment_matcher, label
from otel import names


def values_of(attribute: str) -> str:
    """The values that inferences were recorded with, within the environment chosen."""
    metric = f"{names.OPERATION_DURATION.prometheus}_count"
    chosen = environment_matcher() if attribute in names.OPERATION_DURATION.attributes else ""
    return f"label_values({metric}{chosen}, {label(attribute)})"
