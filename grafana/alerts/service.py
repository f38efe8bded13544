"""Alerts on the service itself, its memory and its Redis."""

from typing import Final

from grafana.alerts.alert import Alert, Group, Severity, Team
from grafana.alerts.shapes import by_environment, latest
from grafana.dashboards import components, thresholds
from grafana.dashboards.queries.checks import service_up
from grafana.dashboards.selectors import SERVICE, label, labels
from otel import attributes as a
from otel import names

_INSTANCE: Final = "service.instance.id"
_PER_REDIS: Final = by_environment(_INSTANCE)
_REDIS: Final = f'{label(a.DEPENDENCY_NAME)}="redis"'


def _braces(*extra: str) -> str:
    return "{" + ",".join(extra) + "}"


def _redis_memory() -> str:
    """Used of allowed memory, by the Collector that asks. 0 is no limit, which has no share."""
    used, allowed = (
        f"max by ({labels(*_PER_REDIS)}) ({metric.prometheus}{{}})"
        for metric in (components.REDIS_MEMORY, components.REDIS_MAXIMUM_MEMORY)
    )
    return f"{used} / ({allowed} > 0)"


SERVICE_DOWN: Final = Alert(
    name="ServiceDown",
    value=service_up(_braces),
    comparison="<",
    limit=1,
    lasting="1m",
    severity=Severity.CRITICAL,
    team=Team.OPS,
    summary="The service at {{ $labels.http_url }} in {{ $labels.deployment_environment_name }} "
    "is down",
    description="The Collector asks it every 15 seconds from outside and has had no 2xx for a "
    "minute.",
    dashboard="genai-overview",
    panel="Service",
)
REDIS_DOWN: Final = Alert(
    name="RedisDown",
    value=latest(names.DEPENDENCY_UP, _REDIS, by=by_environment(), of="min"),
    comparison="<",
    limit=1,
    lasting="1m",
    severity=Severity.CRITICAL,
    team=Team.OPS,
    summary="Redis of {{ $labels.deployment_environment_name }} does not answer",
    description="At least one worker cannot reach it. Requests go on unless the settings say "
    "otherwise; budgets are not asked and the ledger waits in a journal on disk.",
    dashboard="host-and-runtime",
    panel="Redis up",
)
BACKGROUND_TASK_FAILING: Final = Alert(
    name="BackgroundTaskFailing",
    value=latest(names.BACKGROUND_TASK_UP, by=by_environment(a.BACKGROUND_TASK), of="min"),
    comparison="<",
    limit=thresholds.BACKGROUND_TASK_UP.warning,
    lasting="1m",
    severity=Severity.WARNING,
    team=Team.OPS,
    summary="{{ $labels.gaugeway_background_task_name }}: the service in "
    "{{ $labels.deployment_environment_name }} cannot get on with it",
    description="At least one worker tries again and again; what was in force before stays. Of the "
    "keys file: a key that is revoked in it goes on opening the service.",
    dashboard="host-and-runtime",
    panel="Background work",
)
REDIS_MEMORY_HIGH: Final = Alert(
    name="RedisMemoryHigh",
    value=_redis_memory(),
    comparison=">",
    limit=thresholds.REDIS_MEMORY_RATIO.warning,
    lasting="5m",
    severity=Severity.WARNING,
    team=Team.OPS,
    summary="Redis of {{ $labels.deployment_environment_name }} uses "
    "{{ $value | humanizePercentage }} of its memory",
    description="Redis evicts nothing here: at 100 % it refuses to write, and the ledger stops.",
    dashboard="host-and-runtime",
    panel="Redis memory",
)
HIGH_MEMORY: Final = Alert(
    name="HighMemory",
    value=latest(names.PROCESS_MEMORY, by=by_environment(SERVICE, _INSTANCE)),
    comparison=">",
    limit=thresholds.PROCESS_MEMORY_BYTES.warning,
    lasting="10m",
    severity=Severity.WARNING,
    team=Team.OPS,
    summary="A process of {{ $labels.service_name }} in "
    "{{ $labels.deployment_environment_name }} holds {{ $value | humanize1024 }}B",
    description="Process {{ $labels.service_instance_id }} has been above "
    f"{thresholds.PROCESS_MEMORY_BYTES.warning / 2**20:g} MiB for ten minutes.",
    dashboard="host-and-runtime",
    panel="Process memory",
)

GROUP: Final = Group(
    "gaugeway-service",
    (SERVICE_DOWN, REDIS_DOWN, BACKGROUND_TASK_FAILING, REDIS_MEMORY_HIGH, HIGH_MEMORY),
)
