"""Which: every objective in every environment."""

from typing import Final

from grafana_foundation_sdk.builders.table import Panel as TablePanel

from grafana.dashboards import thresholds
from grafana.dashboards.queries import slos as queries
from grafana.dashboards.selectors import ENVIRONMENT, label
from grafana.dashboards.tables import Column, metrics_table
from grafana.dashboards.thresholds import Limits
from grafana.dashboards.units import RATIO
from grafana.slos.series import SLO_NAME


def _burn(limits: Limits) -> Column:
    return Column(unit="short", decimals=1, width=100, limits=limits)


_COLUMNS: Final = {
    "Objective": Column(unit=RATIO, decimals=1, width=100),
    "Good, 30 d": Column(unit=RATIO, decimals=2, width=110),
    "Budget left": Column(
        unit=RATIO, decimals=0, width=110, limits=thresholds.SLO_BUDGET_LEFT_RATIO
    ),
    "Burn 1 h": _burn(thresholds.FAST_BURN_RATE),
    "Burn 6 h": _burn(thresholds.FAST_BURN_RATE),
    "Burn 1 d": _burn(thresholds.SLOW_BURN_RATE),
    "Burn 3 d": _burn(thresholds.SLOW_BURN_RATE),
}


def objectives() -> list[TablePanel]:
    """What is promised where, what was kept, and how fast each budget burns."""
    return [
        metrics_table(
            "Objectives",
            "Every objective in every environment that it was counted in within 30 days. Burn is "
            "how many times too fast its budget went in the last hours or days.",
            queries.OBJECTIVES,
            names={label(SLO_NAME): "SLO", label(ENVIRONMENT): "Environment"},
            columns=_COLUMNS,
            sort_by="Burn 1 h",
        ).span(24)
    ]
