"""Alerts on logs. Loki evaluates those that read log lines."""

from typing import Final

from grafana.alerts.alert import Alert, Group, Language, Severity, Team
from grafana.alerts.shapes import by_environment, counted, grown
from grafana.dashboards import components, thresholds
from grafana.dashboards.promql import ratio
from grafana.dashboards.selectors import SERVICE, label, labels
from otel import attributes as a
from otel import names

_STREAMS: Final = f'{{{label(SERVICE)}=~".+"}}'
_SLOW_MILLISECONDS: Final = thresholds.DURATION_SECONDS.critical * 1000
_MODEL: Final = by_environment(a.PROVIDER_NAME, a.REQUEST_MODEL)
# OpenTelemetry's number for ERROR; what is graver has a higher one.
_ERROR: Final = 17


def _arrived() -> str:
    """Log records that Loki took in for each inference made, each of which writes one at least.

    Loki cannot know what should have come, so this compares its own count with Prometheus's. It
    says nothing where Prometheus does not watch a Loki.
    """
    made = grown(names.OPERATION_DURATION, by=(), window="10m", series="_count")
    lines = counted(components.LOKI_LINES, by=(), window="10m")
    watched = f'count({components.UP.prometheus}{{job="loki"}})'
    enough = f"{made} >= {thresholds.LEAST_REQUESTS:g}"
    return f"{ratio(lines, made)} and {enough} and on () {watched}"


USAGE_LOG_SLOW: Final = Alert(
    name="UsageLogSlow",
    value=f'sum by ({labels(*_MODEL)}) (count_over_time({_STREAMS} |= "{names.USAGE_BODY}"'
    f" | {a.LATENCY_MS} > {_SLOW_MILLISECONDS:g} [10m]))",
    comparison=">=",
    limit=thresholds.SLOW_USAGE_RECORDS.warning,
    lasting="0s",
    severity=Severity.WARNING,
    team=Team.DEV,
    summary="{{ $value }} inferences at {{ $labels.gen_ai_request_model }} of "
    "{{ $labels.gen_ai_provider_name }} in {{ $labels.deployment_environment_name }} took "
    f"longer than {thresholds.DURATION_SECONDS.critical:g} s",
    description="Counted in the usage records of the last ten minutes; each names its trace.",
    dashboard="genai-overview",
    panel="Slowest requests",
    language=Language.LOGQL,
)
USAGE_LOG_MISSING: Final = Alert(
    name="UsageLogMissing",
    value=_arrived(),
    comparison="<",
    limit=thresholds.USAGE_RECORDS_RATIO.warning,
    lasting="5m",
    severity=Severity.CRITICAL,
    team=Team.OPS,
    summary="Inferences are made, but their usage records do not arrive in Loki",
    description="For each inference of the last ten minutes Loki took in "
    '{{ printf "%.2f" $value }} log records; each inference writes one. '
    "What costs how much to whom is not on record.",
    dashboard="genai-overview",
    panel="Usage records",
)
ERROR_LOGS: Final = Alert(
    name="ErrorLogs",
    value=f"sum by ({labels(*by_environment(SERVICE))}) "
    f"(count_over_time({_STREAMS} | severity_number >= {_ERROR} [5m]))",
    comparison=">=",
    limit=thresholds.ERROR_LOGS.warning,
    lasting="10m",
    severity=Severity.WARNING,
    team=Team.DEV,
    summary="{{ $labels.service_name }} in {{ $labels.deployment_environment_name }} keeps "
    "logging errors",
    description="{{ $value }} in the last five minutes, and as many in each five of the ten "
    "before.",
    dashboard="genai-overview",
    panel="Usage records",
    language=Language.LOGQL,
)

GROUP: Final = Group(
    "gaugeway-logs", (USAGE_LOG_SLOW, USAGE_LOG_MISSING, ERROR_LOGS), interval="1m"
)
