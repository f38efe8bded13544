"""Alerts on money: budgets, what an hour and a day cost, what has no price."""

from typing import Final

from grafana.alerts.alert import Alert, Group, Severity, Team
from grafana.alerts.shapes import by_environment, counted, grown
from grafana.dashboards import recorded, thresholds
from grafana.dashboards.promql import per_second
from grafana.dashboards.queries.query import HOUR
from grafana.dashboards.selectors import everything, label, labels
from otel import attributes as a
from otel import names
from otel.names import Metric

_BUDGET: Final = by_environment(*names.BUDGET_LIMIT.attributes)
_ENVIRONMENT: Final = by_environment()
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


def _tokens() -> str:
    tokens_in, tokens_out = (
        grown(metric, by=_ENVIRONMENT, window="1h")
        for metric in (names.INPUT_TOKENS, names.OUTPUT_TOKENS)
    )
    return f"{tokens_in} + ({tokens_out} or 0 * {tokens_in})"


_HOUR_COST: Final = f"{recorded.COST_OF_ALL.prometheus}{{}}"
# The first hours of a service say nothing of what is usual.
_SPIKE: Final = (
    f"{_HOUR_COST} / avg_over_time({_HOUR_COST}[1d] offset 1h)"
    f" and {_HOUR_COST} >= {thresholds.COST_SPIKE_LEAST_USD_PER_HOUR:g}"
    f" and {_HOUR_COST} offset 6h"
)

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
COST_SPIKE: Final = Alert(
    name="CostSpike",
    value=_SPIKE,
    comparison=">",
    limit=thresholds.COST_SPIKE_RATIO.warning,
    lasting="5m",
    severity=Severity.WARNING,
    team=Team.BILLING,
    summary='Cost in {{ $labels.deployment_environment_name }} is {{ printf "%.1f" $value }} '
    "times the usual",
    description="The last hour cost more than three times the average hour of the day before it, "
    "and at least a dollar.",
    dashboard="cost-and-budgets",
    panel="Cost per hour by app",
)
DAILY_COST_HIGH: Final = Alert(
    name="DailyCostHigh",
    value=grown(names.COST, by=_ENVIRONMENT, window="24h"),
    comparison=">",
    limit=thresholds.COST_PER_DAY_USD.warning,
    lasting="5m",
    severity=Severity.WARNING,
    team=Team.BILLING,
    summary="24 hours in {{ $labels.deployment_environment_name }} cost $"
    '{{ printf "%.2f" $value }}',
    description="The last 24 hours cost more than the limit of a day, whatever the budgets say.",
    dashboard="genai-overview",
    panel="Cost, 24 h",
)
HIGH_API_COSTS: Final = Alert(
    name="HighAPICosts",
    value=f"{per_second(names.COST, by=_ENVIRONMENT, window='5m', select=everything)} * {HOUR}",
    comparison=">",
    limit=thresholds.COST_PER_HOUR_USD.critical,
    lasting="5m",
    severity=Severity.CRITICAL,
    team=Team.BILLING,
    summary='{{ $labels.deployment_environment_name }} spends ${{ printf "%.2f" $value }} an hour',
    description="For five minutes the pace has been above the limit of an hour.",
    dashboard="genai-overview",
    panel="Cost per hour",
)
TOKENS_PER_HOUR_HIGH: Final = Alert(
    name="TokensPerHourHigh",
    value=_tokens(),
    comparison=">",
    limit=thresholds.TOKENS_PER_HOUR.warning,
    lasting="5m",
    severity=Severity.WARNING,
    team=Team.BILLING,
    summary="{{ $labels.deployment_environment_name }} used {{ $value | humanize }} tokens in an "
    "hour",
    description="Input and output tokens of the last hour together are above the limit.",
    dashboard="genai-overview",
    panel="Tokens per second",
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
UNPRICED_MODEL: Final = Alert(
    name="UnpricedModel",
    value=counted(
        names.UNPRICED_OPERATIONS, by=by_environment(a.PROVIDER_NAME, a.REQUEST_MODEL), window="1h"
    ),
    comparison=">=",
    limit=thresholds.UNPRICED_OPERATIONS.warning,
    lasting="0s",
    severity=Severity.WARNING,
    team=Team.BILLING,
    summary="No price is known for {{ $labels.gen_ai_request_model }} of "
    "{{ $labels.gen_ai_provider_name }} in {{ $labels.deployment_environment_name }}",
    description='Inferences without a cost in the last hour: {{ printf "%.0f" $value }}. They '
    "are missing from every sum, and no budget in USD counts them.",
    dashboard="genai-overview",
    panel="Unpriced, 24 h",
)

GROUP: Final = Group(
    "gaugeway-spending",
    (
        MONTHLY_BUDGET_80_PERCENT,
        MONTHLY_BUDGET_95_PERCENT,
        BUDGET_EXHAUSTED,
        MONTH_END_FORECAST_OVER_BUDGET,
        COST_SPIKE,
        DAILY_COST_HIGH,
        HIGH_API_COSTS,
        TOKENS_PER_HOUR_HIGH,
        BUDGET_DENIALS,
        UNPRICED_MODEL,
    ),
)
