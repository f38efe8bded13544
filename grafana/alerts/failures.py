"""Alerts on what fails: at clients, at providers, in the cache."""

from typing import Final

from grafana.alerts.alert import Alert, Group, Severity, Team
from grafana.alerts.shapes import by_environment, counted, grown, share
from grafana.dashboards import thresholds
from grafana.dashboards.promql import ratio
from grafana.dashboards.queries.provider_health import PROVIDERS_FAULT
from grafana.dashboards.selectors import label
from otel import attributes as a
from otel import names

_ENVIRONMENT: Final = by_environment()
_MODEL: Final = by_environment(a.PROVIDER_NAME, a.REQUEST_MODEL)
_STATUS: Final = label(a.HTTP_STATUS_CODE)
_WHICH: Final = (
    "{{ $labels.gen_ai_request_model }} of {{ $labels.gen_ai_provider_name }}"
    " in {{ $labels.deployment_environment_name }}"
)
_PERCENT: Final = "{{ $value | humanizePercentage }}"


def _answers(*extra: str) -> str:
    """Answers of the model API: where a fallback helped, clients saw no failure."""
    return grown(
        names.HTTP_SERVER_DURATION,
        f'{label(a.HTTP_ROUTE)}=~"/v1/.+"',
        *extra,
        by=_ENVIRONMENT,
        window="5m",
        series="_count",
    )


def _inferences(*extra: str) -> str:
    return grown(names.OPERATION_DURATION, *extra, by=_MODEL, window="10m", series="_count")


def _looked_up(results: str) -> str:
    matcher = f'{label(a.CACHE_RESULT)}=~"{results}"'
    return grown(names.CACHE_REQUESTS, matcher, by=_ENVIRONMENT, window="30m")


def _hit_ratio() -> str:
    hits, whole = _looked_up("hit"), _looked_up("hit|miss")
    return f"{ratio(hits, whole)} and {whole} >= {thresholds.LEAST_CACHE_LOOKUPS:g}"


HIGH_ERROR_RATE: Final = Alert(
    name="HighErrorRate",
    value=share(_answers(f'{_STATUS}=~"5.."'), _answers(), least=thresholds.LEAST_FAILURES),
    comparison=">",
    limit=thresholds.ERROR_RATIO.critical,
    lasting="5m",
    severity=Severity.CRITICAL,
    team=Team.DEV,
    summary=f"{_PERCENT} of requests fail in {{{{ $labels.deployment_environment_name }}}}",
    description=f"More than {thresholds.ERROR_RATIO.critical:.0%} of all answers are a 5xx, "
    "whichever targets were tried.",
    dashboard="genai-overview",
    panel="HTTP answers per second by status",
)
PROVIDER_FAILURES: Final = Alert(
    name="ProviderFailures",
    value=share(
        _inferences(PROVIDERS_FAULT),
        _inferences(),
        least=thresholds.LEAST_FAILURES,
    ),
    comparison=">",
    limit=thresholds.ERROR_RATIO.warning,
    lasting="5m",
    severity=Severity.WARNING,
    team=Team.DEV,
    summary=f"{_PERCENT} of inferences at {_WHICH} fail",
    description="Counted after all retries, without requests that no provider could have served. "
    "Clients see it only where no fallback helps.",
    dashboard="provider-health",
    panel="Failure ratio by provider and model",
)
PROVIDER_RATE_LIMITED: Final = Alert(
    name="ProviderRateLimited",
    value=grown(names.PROVIDER_ERRORS, f'{_STATUS}="429"', by=_MODEL, window="5m"),
    comparison=">",
    limit=0,
    lasting="15m",
    severity=Severity.WARNING,
    team=Team.DEV,
    summary=f"{_WHICH} has answered 429 for 15 minutes",
    description="There was no stretch of five minutes without a 429: the limit is too low for "
    "this load, it did not just peak.",
    dashboard="provider-health",
    panel="429, 401 and 402 by provider",
)
PROVIDER_CREDENTIALS: Final = Alert(
    name="ProviderCredentials",
    value=counted(
        names.PROVIDER_ERRORS,
        f'{_STATUS}=~"401|402"',
        by=(*_MODEL, a.HTTP_STATUS_CODE),
        window="10m",
    ),
    comparison=">",
    limit=0,
    lasting="0s",
    severity=Severity.CRITICAL,
    team=Team.OPS,
    summary=f"{_WHICH} answers {{{{ $labels.http_response_status_code }}}}",
    description="401: the provider does not accept our key. 402: its account has no money left. "
    "Neither mends itself.",
    dashboard="provider-health",
    panel="429, 401 and 402 by provider",
)
CACHE_HIT_LOW: Final = Alert(
    name="CacheHitLow",
    value=_hit_ratio(),
    comparison="<",
    limit=thresholds.CACHE_HIT_RATIO.warning,
    lasting="15m",
    severity=Severity.WARNING,
    team=Team.DEV,
    summary=f"The response cache in {{{{ $labels.deployment_environment_name }}}} helps {_PERCENT} "
    "of the requests that may use it",
    description="Of the requests of the last 30 minutes that looked into it fewer than "
    f"{thresholds.CACHE_HIT_RATIO.warning:.0%} found an answer.",
    dashboard="genai-overview",
    panel="Response cache hit ratio",
)

GROUP: Final = Group(
    "gaugeway-failures",
    (
        HIGH_ERROR_RATE,
        PROVIDER_FAILURES,
        PROVIDER_RATE_LIMITED,
        PROVIDER_CREDENTIALS,
        CACHE_HIT_LOW,
    ),
)
