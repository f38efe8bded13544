"""Alerts on time: answers, providers, first chunks."""

from typing import Final

from grafana.alerts.alert import Alert, Group, Severity, Team
from grafana.alerts.shapes import by_environment, slowest
from grafana.dashboards import thresholds
from otel import attributes as a
from otel import names

_ENVIRONMENT: Final = by_environment()
_MODEL: Final = by_environment(a.PROVIDER_NAME, a.REQUEST_MODEL)
_LEAST: Final = thresholds.LEAST_REQUESTS
_SECONDS: Final = "{{ $value | humanizeDuration }}"
_WHICH: Final = (
    "{{ $labels.gen_ai_request_model }} of {{ $labels.gen_ai_provider_name }}"
    " in {{ $labels.deployment_environment_name }}"
)

HIGH_LATENCY: Final = Alert(
    name="HighLatency",
    value=slowest(names.OPERATION_DURATION, by=_ENVIRONMENT, window="5m", least=_LEAST),
    comparison=">",
    limit=thresholds.DURATION_SECONDS.critical,
    lasting="5m",
    severity=Severity.CRITICAL,
    team=Team.DEV,
    summary=f"p95 of inferences in {{{{ $labels.deployment_environment_name }}}} is {_SECONDS}",
    description="One inference in twenty takes longer than "
    f"{thresholds.DURATION_SECONDS.critical:g} seconds, retries included.",
    dashboard="genai-overview",
    panel="Inference duration",
)
SLOW_RESPONSES: Final = Alert(
    name="SlowResponses",
    value=slowest(names.OPERATION_DURATION, by=_ENVIRONMENT, window="5m", least=_LEAST),
    comparison=">",
    limit=thresholds.DURATION_SECONDS.warning,
    lasting="5m",
    severity=Severity.WARNING,
    team=Team.DEV,
    summary=f"p95 of inferences in {{{{ $labels.deployment_environment_name }}}} is {_SECONDS}",
    description="For five minutes one inference in twenty has taken longer than "
    f"{thresholds.DURATION_SECONDS.warning:g} seconds.",
    dashboard="genai-overview",
    panel="Inference duration",
)
PROVIDER_LATENCY_HIGH: Final = Alert(
    name="ProviderLatencyHigh",
    value=slowest(names.OPERATION_DURATION, by=_MODEL, window="15m", least=_LEAST),
    comparison=">",
    limit=thresholds.PROVIDER_SECONDS.warning,
    lasting="5m",
    severity=Severity.WARNING,
    team=Team.DEV,
    summary=f"{_WHICH} is slow: p95 {_SECONDS}",
    description="Over 15 minutes one inference in twenty at this model took longer than "
    f"{thresholds.PROVIDER_SECONDS.warning:g} seconds. Other models may be well.",
    dashboard="provider-health",
    panel="Call duration p95 by model",
)
# A reasoning model's first chunk takes a second as a rule: only what is an emergency notifies.
SLOW_FIRST_CHUNK: Final = Alert(
    name="SlowFirstChunk",
    value=slowest(names.TIME_TO_FIRST_CHUNK, by=_MODEL, window="5m", least=_LEAST),
    comparison=">",
    limit=thresholds.FIRST_CHUNK_SECONDS.critical,
    lasting="5m",
    severity=Severity.WARNING,
    team=Team.DEV,
    summary=f"Streams of {_WHICH} start late: p95 {_SECONDS}",
    description="One stream in twenty sends nothing for longer than "
    f"{thresholds.FIRST_CHUNK_SECONDS.critical:g} seconds.",
    dashboard="genai-overview",
    panel="Time to first chunk",
)

GROUP: Final = Group(
    "gaugeway-latency",
    (HIGH_LATENCY, SLOW_RESPONSES, PROVIDER_LATENCY_HIGH, SLOW_FIRST_CHUNK),
)
