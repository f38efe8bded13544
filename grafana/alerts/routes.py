"""Who is told of which alert, how often, and what silences what: data alone.

Alertmanager's configuration and Grafana's notification policies are both written from it.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from grafana.alerts import slos
from grafana.alerts.alert import Severity, Team
from grafana.dashboards.selectors import ENVIRONMENT, label
from otel import attributes as a


class Channel(StrEnum):
    """A way to reach somebody."""

    PAGERDUTY = "pagerduty"
    EMAIL = "email"
    SLACK = "slack"
    DISCORD = "discord"
    WEBHOOK = "webhook"


@dataclass(frozen=True, slots=True)
class Match:
    """A label that has one of these values."""

    label: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """Alerts that match go to the channel's receiver of their team, and to other routes as well.

    What goes on is told again after `repeat`, a duration as Prometheus spells it.
    """

    channel: Channel
    match: Match
    repeat: str = "4h"


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While `cause` fires, `symptoms` of the same labels (`equal`) notify nobody."""

    cause: str
    symptoms: tuple[str, ...]
    equal: tuple[str, ...] = ()


_CRITICAL: Final = Match("severity", (Severity.CRITICAL.value,))
_EVERY: Final = Match("severity", tuple(severity.value for severity in Severity))

ROUTES: Final = (
    Route(Channel.PAGERDUTY, _CRITICAL),
    Route(Channel.EMAIL, _CRITICAL),
    Route(Channel.SLACK, _EVERY),
    Route(Channel.DISCORD, Match("alertname", ("ProviderCredentials",))),
    # For programs of one's own.
    Route(Channel.WEBHOOK, _EVERY),
)

_ENVIRONMENT: Final = label(ENVIRONMENT)
_BUDGET: Final = (
    _ENVIRONMENT,
    *(label(name) for name in (a.BUDGET_NAME, a.BUDGET_VALUE, a.BUDGET_WINDOW)),
)
# Causes of a fault are no symptoms of it: a full memory or an absent Redis is told all the same.
INHIBITIONS: Final = (
    Inhibition(
        "ServiceDown",
        (
            "HighErrorRate",
            "HighLatency",
            "SlowResponses",
            "SlowFirstChunk",
            "ErrorLogs",
            "TelemetryStale",
        ),
        (_ENVIRONMENT,),
    ),
    # What passes through it has no label that tells through which Collector it would have come.
    Inhibition("CollectorDown", ("TelemetryStale", "UsageLogMissing")),
    Inhibition("CollectorDown", ("CollectorDroppingData", "CollectorQueueFilling"), ("instance",)),
    Inhibition("HighLatency", ("SlowResponses",), (_ENVIRONMENT,)),
    Inhibition("BudgetExhausted", ("MonthlyBudget95Percent", "MonthlyBudget80Percent"), _BUDGET),
    Inhibition("MonthlyBudget95Percent", ("MonthlyBudget80Percent",), _BUDGET),
    *(Inhibition(fast.name, (slow.name,), (_ENVIRONMENT,)) for fast, slow in slos.PAIRS),
)

# One notification for each alert and environment, however many models or apps it fires for.
GROUP_BY: Final = ("alertname", _ENVIRONMENT)
# How long a first notification waits for others of its group, and a second one for news of it.
GROUP_WAIT: Final = "10s"
GROUP_INTERVAL: Final = "1m"

# Alertmanager and Grafana know the same words in these.
TITLE: Final = (
    "[{{ .Status | toUpper }}] {{ .CommonLabels.alertname }}"
    f"{{{{ with .CommonLabels.{_ENVIRONMENT} }}}} in {{{{ . }}}}{{{{ end }}}}"
    " ({{ .CommonLabels.severity }}, {{ .CommonLabels.team }})"
)
TEXT: Final = (
    '{{ range .Alerts }}{{ if eq .Status "resolved" }}Over: {{ end }}{{ .Annotations.summary }}\n'
    "{{ .Annotations.description }}\n"
    "{{ .Annotations.dashboard_url }}\n"
    "{{ .Annotations.runbook_url }}\n"
    "{{ end }}"
)

# Alertmanager's own address, which it would lead to, is one that no browser knows. Grafana leads to
# itself.
LINK: Final = "{{ (index .Alerts 0).Annotations.dashboard_url }}"


def receiver(channel: Channel, team: Team) -> str:
    """The name of a channel's receiver for a team."""
    return f"{channel}-{team}"
