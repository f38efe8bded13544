"""Alerts on budgets: how much of them is spent, and whom they refuse."""

from typing import Final

from grafana.alerts.alert import Alert, Group, Severity, Team
from grafana.alerts.shapes import by_environment, counted
from grafana.dashboards import thresholds
from grafana.dashboards.selectors import everything, label, labels
from otel import attributes as a
from otel import names
from otel.names import Metric

_BUDGET: Final = by_environment(*names.BUDGET_LIMIT.attributes)
_MONTH: Final = f'{label(a.BUDGET_WINDOW)}="month"'
_WHICH: Final = (
    "{{ $labels.gaugeway_budget_name }}"
    "{{ with $labels.gaugeway_budget_value }} of {{ . }}{{ end }}"
    " in {{ $labels.deployment_environment_name }}"
)


def _of_limit(amount: Metric, *extra: str) -> str:
    """A budget's amount as a share of its limit. Every worker tells the same: the highest."""
    of, limit = (
        f"max by ({labels(*_BUDGET)}) ({metric.prometheus}{everything(metric, *extra)})"
        for metric in (amount, names.BUDGET_LIMIT)
    )
    return f"{of} / {limit}"


def _used_up() -> str:
    """The share of budgets that are spent, or that refused somebody what was left of them."""
    used = _of_limit(names.BUDGET_SPENT)
    refused = counted(names.BUDGET_DENIALS, by=by_environment(a.BUDGET_NAME), window="15m")
    on = labels(*by_environment(a.BUDGET_NAME))
    return f"{used} >= 1 or {used} and on ({on}) {refused} > 0"


MONTHLY_BUDGET_80_PERCENT: Final = Alert(
    name="MonthlyBudget80Percent",
    value=_of_limit(names.BUDGET_SPENT, _MONTH),
    comparison=">=",
    limit=thresholds.BUDGET_RATIO.warning,
    lasting="1h",
    severity=Severity.WARNING,
    team=Team.BILLING,
    summary=f"Monthly budget {_WHICH}: {{{{ $value | humanizePercentage }}}} spent",
    description="A budget of a month has been at 80 % or more for an hour.",
    dashboard="cost-and-budgets",
    panel="Budgets used",
)
MONTHLY_BUDGET_95_PERCENT: Final = Alert(
    name="MonthlyBudget95Percent",
    value=_of_limit(names.BUDGET_SPENT, _MONTH),
    comparison=">=",
    limit=thresholds.BUDGET_RATIO.critical,
    lasting="5m",
    severity=Severity.CRITICAL,
    team=Team.BILLING,
    summary=f"Monthly budget {_WHICH}: {{{{ $value | humanizePercentage }}}} spent",
    description="A budget of a month is nearly used up; what it does then is stated in its file.",
    dashboard="cost-and-budgets",
    panel="Budgets used",
)
BUDGET_EXHAUSTED: Final = Alert(
    name="BudgetExhausted",
    value=_used_up(),
    comparison=">=",
    limit=thresholds.BUDGET_USED_UP_RATIO,
    lasting="1m",
    severity=Severity.CRITICAL,
    team=Team.BILLING,
    summary=f"Budget {_WHICH} is used up: {{{{ $value | humanizePercentage }}}} spent",
    description="The budget of this {{ $labels.gaugeway_budget_window }} is spent, or so nearly "
    "that it refused a request in the last 15 minutes. If its file says so, requests are "
    "refused or go to a cheaper model until the window ends.",
    dashboard="cost-and-budgets",
    panel="Budgets used",
)
MONTH_END_FORECAST_OVER_BUDGET: Final = Alert(
    name="MonthEndForecastOverBudget",
    value=_of_limit(names.BUDGET_FORECAST, _MONTH),
    comparison=">",
    limit=1,
    lasting="1h",
    severity=Severity.WARNING,
    team=Team.BILLING,
    summary=f"Budget {_WHICH} will end its month at {{{{ $value | humanizePercentage }}}}",
    description="At the pace of this month so far the budget does not last until its end. There "
    "is no forecast in the first twentieth of a month.",
    dashboard="cost-and-budgets",
    panel="Where budgets end at their pace",
)
BUDGET_DENIALS: Final = Alert(
    name="BudgetDenials",
    value=counted(names.BUDGET_DENIALS, by=by_environment(a.BUDGET_NAME, a.APP), window="10m"),
    comparison=">=",
    limit=thresholds.BUDGET_DENIALS.warning,
    lasting="0s",
    severity=Severity.WARNING,
    team=Team.BILLING,
    summary="Budget {{ $labels.gaugeway_budget_name }} refuses requests of "
    "{{ $labels.gaugeway_app }} in {{ $labels.deployment_environment_name }}",
    description='Requests refused with 429 in ten minutes: {{ printf "%.0f" $value }}.',
    dashboard="cost-and-budgets",
    panel="Refused by budgets",
)
BUDGETS_UNCHECKED: Final = Alert(
    name="BudgetsUnchecked",
    value=counted(names.BUDGET_UNCHECKED, by=by_environment(a.APP), window="10m"),
    comparison=">=",
    limit=thresholds.UNCHECKED_REQUESTS.warning,
    lasting="0s",
    severity=Severity.WARNING,
    team=Team.BILLING,
    summary="Requests of {{ $labels.gaugeway_app }} in "
    "{{ $labels.deployment_environment_name }} go on without their budgets having been asked",
    description='In ten minutes: {{ printf "%.0f" $value }}. Redis could not be asked, or a key of '
    "a budget holds something else. What they spend is added later, and may be past a limit.",
    dashboard="telemetry-pipeline",
    panel="Requests whose budgets were not asked",
)

GROUP: Final = Group(
    "gaugeway-budgets",
    (
        MONTHLY_BUDGET_80_PERCENT,
        MONTHLY_BUDGET_95_PERCENT,
        BUDGET_EXHAUSTED,
        MONTH_END_FORECAST_OVER_BUDGET,
        BUDGET_DENIALS,
        BUDGETS_UNCHECKED,
    ),
)
