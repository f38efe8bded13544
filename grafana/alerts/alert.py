"""What an alert is, whichever system evaluates it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

# The folder of runbooks as it is published with the code; each is named after its alert.
RUNBOOKS: Final = "docs/runbooks"


class Severity(StrEnum):
    """How soon somebody has to look."""

    CRITICAL = "critical"
    WARNING = "warning"


class Team(StrEnum):
    """Whom it is for; the routes choose the address by it."""

    OPS = "ops"
    DEV = "dev"
    BILLING = "billing"


class Language(StrEnum):
    """What evaluates the query: Prometheus or Loki."""

    PROMQL = "promql"
    LOGQL = "logql"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert: it fires for each series of `value` that has met the limit for `lasting`.

    `value` is a query without the comparison, so that Prometheus can be given `value > limit` and
    Grafana the value and the threshold apart. A series that is missing does not fire; where absence
    itself is the fault, the query says so (`absent(…)`).

    `lasting` is a duration as Prometheus spells it, `0s` for at once. `summary` and `description`
    are Go templates which know `$labels` and `$value` alone. `panel` is the title of the panel on
    the dashboard `dashboard` that shows what is wrong.
    """

    name: str
    value: str
    comparison: Literal[">", ">=", "<", "<=", "=="]
    limit: float
    lasting: str
    severity: Severity
    team: Team
    summary: str
    description: str
    dashboard: str
    panel: str
    language: Language = Language.PROMQL
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def expression(self) -> str:
        """The whole condition in one query."""
        return f"({self.value}) {self.comparison} {self.limit:g}"

    @property
    def runbook(self) -> str:
        """Where its runbook lies, from the top of the repository."""
        return f"{RUNBOOKS}/{self.name}.md"


@dataclass(frozen=True, slots=True)
class Group:
    """Alerts that are evaluated together. `interval` is a duration as Prometheus spells it."""

    name: str
    alerts: tuple[Alert, ...]
    interval: str = "15s"
