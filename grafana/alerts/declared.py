"""Every alert there is."""

from typing import Final

from grafana.alerts import budgets, costs, failures, latency, logs, pipeline, service, slos
from grafana.alerts.alert import Alert, Group

GROUPS: Final[tuple[Group, ...]] = (
    budgets.GROUP,
    costs.GROUP,
    latency.GROUP,
    failures.GROUP,
    service.GROUP,
    pipeline.GROUP,
    slos.GROUP,
    logs.GROUP,
)
ALERTS: Final[tuple[Alert, ...]] = tuple(alert for group in GROUPS for alert in group.alerts)
