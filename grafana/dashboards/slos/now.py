"""What is wrong now: what was kept of each promise, and what is left of its budget."""

from grafana_foundation_sdk.builders.stat import Panel as StatPanel

from grafana.dashboards import thresholds
from grafana.dashboards.graphs import number
from grafana.dashboards.queries import slos as queries
from grafana.dashboards.thresholds import Limits
from grafana.dashboards.units import RATIO
from grafana.slos.declared import SLOS
from grafana.slos.slo import SLO

_WIDTH = 6
_ABSENT = "nothing counted"


def attained() -> list[StatPanel]:
    """The good share of each, coloured by its objective."""
    return [
        number(
            f"{slo.title}, {slo.window}",
            f"Objective {slo.percent}: {slo.promise}. Red where it is missed, orange where a "
            "quarter of its budget or less is left.",
            queries.attained(slo),
            _objective(slo),
            unit=RATIO,
            decimals=2,
            absent=_ABSENT,
        ).span(_WIDTH)
        for slo in SLOS
    ]


def budgets() -> list[StatPanel]:
    """What is left of each budget, below 0 when overdrawn."""
    return [
        number(
            f"{slo.title}: budget left",
            f"Of what may go wrong within {slo.window} at an objective of {slo.percent}. Below 0 "
            "the objective is missed.",
            queries.budget_left(slo),
            thresholds.SLO_BUDGET_LEFT_RATIO,
            unit=RATIO,
            decimals=0,
            absent=_ABSENT,
        ).span(_WIDTH)
        for slo in SLOS
    ]


def _objective(slo: SLO) -> Limits:
    left = thresholds.SLO_BUDGET_LEFT_RATIO
    warning, critical = (
        round(1 - slo.budget * (1 - at), 9) for at in (left.warning, left.critical)
    )
    return Limits(warning, critical, low_is_bad=True)
