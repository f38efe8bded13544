"""Alerts on what an hour and a day cost, and on what has no price."""

from typing import Final

from grafana.alerts.alert import Alert, Group, Severity, Team
from grafana.alerts.shapes import by_environment, counted, grown
from grafana.dashboards import recorded, thresholds
from grafana.dashboards.promql import per_second
from grafana.dashboards.queries.query import HOUR
from grafana.dashboards.selectors import everything
from otel import attributes as a
from otel import names

_ENVIRONMENT: Final = by_environment()
_HOUR_COST: Final = f"{recorded.COST_OF_ALL.prometheus}{{}}"
# After a day of nothing everything is infinitely more than usual, which is no figure to tell.
_LEAST_USUAL_USD: Final = thresholds.COST_SPIKE_LEAST_USD_PER_HOUR / 100
# The first hours of a service say nothing of what is usual.
_SPIKE: Final = (
    f"{_HOUR_COST} / clamp_min(avg_over_time({_HOUR_COST}[1d] offset 1h), {_LEAST_USUAL_USD:g})"
    f" and {_HOUR_COST} >= {thresholds.COST_SPIKE_LEAST_USD_PER_HOUR:g}"
    f" and {_HOUR_COST} offset 6h"
)


def _tokens() -> str:
    tokens_in, tokens_out = (
        grown(metric, by=_ENVIRONMENT, window="1h")
        for metric in (names.INPUT_TOKENS, names.OUTPUT_TOKENS)
    )
    return f"{tokens_in} + ({tokens_out} or 0 * {tokens_in})"


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
    description=f"The last hour cost more than {thresholds.COST_SPIKE_RATIO.warning:g} times the "
    "average hour of the day before it, and at least "
    f"{thresholds.COST_SPIKE_LEAST_USD_PER_HOUR:g} USD.",
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

# Each minute: a day of every counter is much to read.
GROUP: Final = Group(
    "gaugeway-costs",
    (
        COST_SPIKE,
        DAILY_COST_HIGH,
        HIGH_API_COSTS,
        TOKENS_PER_HOUR_HIGH,
        UNPRICED_MODEL,
    ),
    interval="1m",
)
