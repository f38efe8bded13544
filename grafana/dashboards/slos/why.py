"""Why: which window burns, what was bad, and how the budgets went down."""

from grafana_foundation_sdk.builders.timeseries import Panel as GraphPanel

from grafana.dashboards import thresholds
from grafana.dashboards.graphs import graph
from grafana.dashboards.queries import slos as queries
from grafana.dashboards.units import RATIO
from grafana.slos.declared import SLOS


def burn_rates() -> list[GraphPanel]:
    """One graph for each objective; its alerts lead here."""
    fast, slow = thresholds.FAST_BURN_RATE, thresholds.SLOW_BURN_RATE
    return [
        graph(
            slo.burn_rate_panel,
            f"How many times too fast the budget burns: {slo.promise}. An alert is critical above "
            f"{fast.critical:g} over an hour or {fast.warning:g} over six, and a warning above "
            f"{slow.critical:g} over a day or {slow.warning:g} over three.",
            queries.burn_rates(slo),
            unit="short",
            limits=fast,
        ).span(12)
        for slo in SLOS
    ]


def over_time() -> list[GraphPanel]:
    """How it came to this."""
    return [
        graph(
            "Bad share of the last hour",
            "What was not good of the hour before each moment, by objective.",
            queries.bad_shares(SLOS),
            unit=RATIO,
        ).span(12),
        graph(
            "Error budgets left",
            "What was left of each budget of 30 days. Below 0 the objective was missed; choose a "
            "longer time range to see where it went.",
            [queries.BUDGETS],
            unit=RATIO,
            limits=thresholds.SLO_BUDGET_LEFT_RATIO,
            maximum=1,
        )
        .span(12)
        .min(queries.LOWEST_BUDGET),
    ]
