"""What is wrong with spending now: one number each, coloured by its thresholds."""

from typing import Final

from grafana_foundation_sdk.builders.stat import Panel as StatPanel

from grafana.dashboards import thresholds
from grafana.dashboards.graphs import number
from grafana.dashboards.queries import spending as queries
from grafana.dashboards.units import RATIO, USD

_WHOLE_HOURS: Final = (
    "An hour at whose end Prometheus did not run is missing here; budgets have it."
)


def numbers() -> list[StatPanel]:
    """What was spent and will be, what budgets have left, what has no price."""
    return [*_spent(), *_limits()]


def _spent() -> list[StatPanel]:
    return [
        number(
            "Cost today",
            f"What was spent since midnight, by the clock of your browser. {_WHOLE_HOURS}",
            queries.COST_SINCE,
            thresholds.COST_PER_DAY_USD,
            unit=USD,
            since="now/d",
        ),
        number(
            "Month to date",
            "What was spent since the first of the month, by the clock of your browser. "
            f"{_WHOLE_HOURS}",
            queries.COST_SINCE,
            thresholds.COST_PER_MONTH_USD,
            unit=USD,
            since="now/M",
        ),
        number(
            "Month forecast",
            "What the whole month costs at its pace so far: month to date, divided by the part of "
            "the month that has passed.",
            queries.MONTH_FORECAST,
            thresholds.COST_PER_MONTH_USD,
            unit=USD,
            since="now/M",
        ),
        number(
            "Cost per hour",
            "What an hour costs at the pace of the last five minutes.",
            queries.COST_PER_HOUR_NOW,
            thresholds.COST_PER_HOUR_USD,
            unit=USD,
        ),
    ]


def _limits() -> list[StatPanel]:
    return [
        number(
            "Budget left",
            "What is left of the budget that has least: neither spent nor reserved. The variables "
            "above do not choose among budgets.",
            queries.LEAST_LEFT,
            thresholds.BUDGET_LEFT_RATIO,
            unit=RATIO,
            absent="not told",
        ),
        number(
            "Fastest burn",
            "Where the budget that burns fastest ends at its pace so far; above 100 % it is used "
            "up before its window ends.",
            queries.FASTEST_BURN,
            thresholds.BUDGET_FORECAST_RATIO,
            unit=RATIO,
            absent="not told",
        ),
        number(
            "Refused, 24 h",
            "Requests of the last 24 hours that a used up budget refused.",
            queries.DENIALS_OF_A_DAY,
            thresholds.BUDGET_DENIALS,
            unit="locale",
            decimals=0,
        ),
        number(
            "Unpriced, 24 h",
            "Inferences of the last 24 hours whose price is not known: their cost is missing "
            "everywhere here.",
            queries.UNPRICED_OF_A_DAY,
            thresholds.UNPRICED_OPERATIONS,
            unit="locale",
            decimals=0,
        ),
    ]
