"""Alerts on the telemetry itself: without it no other alert can fire."""

from typing import Final

from grafana.alerts.alert import Alert, Group, Severity, Team
from grafana.alerts.shapes import by_environment, counted, latest, lost
from grafana.dashboards import components, recorded, thresholds
from otel import attributes as a
from otel import names

_SIGNALS: Final = ("traces", "metrics", "logs")
_UP: Final = f'{components.UP.prometheus}{{job="collector"}}'
# Whoever keeps what the Collector delivers or tells people of it, but for Prometheus itself.
_BACKENDS: Final = f'{components.UP.prometheus}{{job=~"alertmanager|loki|tempo"}}'


def _lost() -> str:
    """Refused at the door, lost to a full queue, or given up after all retries.

    What is refused may come again, but who is refused for long has no room left for it.
    """
    kinds = (
        (components.REFUSED, "receiver"),
        (components.ENQUEUE_FAILED, "exporter"),
        (components.SEND_FAILED, "exporter"),
    )
    return " or ".join(
        lost(metric, signal, by=(at,), window="5m")
        for metrics, at in kinds
        for metric, signal in zip(metrics, _SIGNALS, strict=True)
    )


def _queue_fill() -> str:
    by = "job, instance, exporter, data_type"
    size, capacity = (
        f"max by ({by}) ({metric.prometheus}{{}})"
        for metric in (components.QUEUE_SIZE, components.QUEUE_CAPACITY)
    )
    return f"{size} / {capacity}"


COLLECTOR_DOWN: Final = Alert(
    name="CollectorDown",
    # Where nobody scrapes a Collector it is missing, which is no better.
    value=f"{_UP} or 0 * absent({_UP})",
    comparison="<",
    limit=1,
    lasting="1m",
    severity=Severity.CRITICAL,
    team=Team.OPS,
    summary="The Collector{{ with $labels.instance }} at {{ . }}{{ end }} is down",
    description="Prometheus has not reached it for a minute. Applications hold back what their "
    "queues hold and then drop it; every alert on them falls silent.",
    dashboard="telemetry-pipeline",
    panel="Collector",
)
BACKEND_DOWN: Final = Alert(
    name="BackendDown",
    value=_BACKENDS,
    comparison="<",
    limit=1,
    lasting="1m",
    severity=Severity.CRITICAL,
    team=Team.OPS,
    summary="{{ $labels.job }} at {{ $labels.instance }} is down",
    description="Prometheus has not reached it for a minute. The Collector holds back what its "
    "queues hold for Loki and Tempo; what Alertmanager would tell, nobody is told.",
    dashboard="telemetry-pipeline",
    panel="Components that Prometheus scrapes",
)
COLLECTOR_DROPPING_DATA: Final = Alert(
    name="CollectorDroppingData",
    value=_lost(),
    comparison=">",
    limit=0,
    lasting="1m",
    severity=Severity.CRITICAL,
    team=Team.OPS,
    summary="The Collector at {{ $labels.instance }}"
    "{{ with $labels.exporter }} loses {{ $labels.signal }} for {{ . }}{{ end }}"
    "{{ with $labels.receiver }} refuses {{ $labels.signal }} from {{ . }}{{ end }}",
    description='In five minutes: {{ printf "%.0f" $value }}. What it refuses comes again while '
    "its sender has room for it; what found a full queue or was given up after all retries is "
    "gone.",
    dashboard="telemetry-pipeline",
    panel="Refused and lost by the Collector",
)
COLLECTOR_QUEUE_FILLING: Final = Alert(
    name="CollectorQueueFilling",
    value=_queue_fill(),
    comparison=">",
    limit=thresholds.COLLECTOR_QUEUE_RATIO.warning,
    lasting="5m",
    severity=Severity.WARNING,
    team=Team.OPS,
    summary="The Collector's queue for {{ $labels.exporter }} is "
    "{{ $value | humanizePercentage }} full",
    description="The backend takes less than comes. When the queue is full data is lost.",
    dashboard="telemetry-pipeline",
    panel="Sending queues",
)
TELEMETRY_STALE: Final = Alert(
    name="TelemetryStale",
    value=f"time() - last_over_time({recorded.NEWEST_TELEMETRY.prometheus}{{}}[1d])",
    comparison=">",
    limit=thresholds.TELEMETRY_AGE_SECONDS.critical,
    # A Prometheus that was away gets what was held back meanwhile within its senders' longest wait.
    lasting="2m",
    severity=Severity.CRITICAL,
    team=Team.OPS,
    summary="No metrics of {{ $labels.service_name }} in "
    "{{ $labels.deployment_environment_name }} for {{ $value | humanizeDuration }}",
    description="It sent metrics before. It is down, cannot reach the Collector, or what it "
    "sends is lost on the way; no other alert can speak of it. Of a service that is not to "
    "come back it falls silent after a day.",
    dashboard="telemetry-pipeline",
    panel="Age of the newest metrics",
)
CARDINALITY_OVERFLOW: Final = Alert(
    name="CardinalityOverflow",
    value=counted(
        names.CARDINALITY_OVERFLOW,
        by=by_environment(a.METRIC_NAME, a.ATTRIBUTE_KEY),
        window="1h",
    ),
    comparison=">",
    limit=0,
    lasting="0s",
    severity=Severity.WARNING,
    team=Team.DEV,
    summary="{{ $labels.gaugeway_attribute_key }} of {{ $labels.gaugeway_metric_name }} has too "
    "many values in {{ $labels.deployment_environment_name }}",
    description="Measurements of the last hour that have `_OTHER` in place of a value, or lost a "
    'label that is not declared: {{ printf "%.0f" $value }}.',
    dashboard="telemetry-pipeline",
    panel="Label values over the limit",
)
LEDGER_LOSING_ENTRIES: Final = Alert(
    name="LedgerLosingEntries",
    value=counted(names.LEDGER_DROPPED, by=by_environment(a.ERROR_TYPE), window="15m"),
    comparison=">",
    limit=0,
    lasting="0s",
    severity=Severity.CRITICAL,
    team=Team.BILLING,
    summary="The usage ledger loses entries in {{ $labels.deployment_environment_name }}: "
    "{{ $labels.error_type }}",
    description='Requests of the last 15 minutes that no ledger has: {{ printf "%.0f" $value }}. '
    "Usage, cost and budgets lack them for good; the usage records in Loki have them.",
    dashboard="telemetry-pipeline",
    panel="Usage entries lost",
)
LEDGER_PENDING: Final = Alert(
    name="LedgerPending",
    value=latest(names.LEDGER_PENDING, by=by_environment(), of="sum"),
    comparison=">",
    limit=0,
    lasting="5m",
    severity=Severity.WARNING,
    team=Team.OPS,
    summary="Usage entries wait on disk in {{ $labels.deployment_environment_name }}: "
    '{{ printf "%.0f" $value }}',
    description="For five minutes Redis has not taken what workers entered in their journals. "
    "Nothing is lost until a journal is full; usage, cost and budgets lack it until then.",
    dashboard="telemetry-pipeline",
    panel="Usage entries waiting on disk",
)

WORKER_LOST: Final = Alert(
    name="WorkerLost",
    value=counted(names.WORKERS_LOST, by=by_environment(), window="15m"),
    comparison=">",
    limit=0,
    lasting="0s",
    severity=Severity.WARNING,
    team=Team.OPS,
    summary="Workers of the service in {{ $labels.deployment_environment_name }} were killed: "
    '{{ printf "%.0f" $value }}',
    description="In the last 15 minutes, without having ended: by `kill -9`, for want of memory, "
    "or with their machine. Their requests broke off, and what these used is in the ledger and in "
    "budgets as estimated.",
    dashboard="telemetry-pipeline",
    panel="Workers killed",
)

GROUP: Final = Group(
    "gaugeway-pipeline",
    (
        COLLECTOR_DOWN,
        BACKEND_DOWN,
        COLLECTOR_DROPPING_DATA,
        COLLECTOR_QUEUE_FILLING,
        TELEMETRY_STALE,
        CARDINALITY_OVERFLOW,
        LEDGER_LOSING_ENTRIES,
        WORKER_LOST,
        LEDGER_PENDING,
    ),
)
