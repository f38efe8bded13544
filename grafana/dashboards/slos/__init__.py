"""The dashboard "SLOs": what is promised, what is left of each error budget, how fast it burns."""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana.dashboards.layout import dashboard
from grafana.dashboards.slos import now, which, why

UID: Final = "slos"


def slos() -> Dashboard:
    """The dashboard, laid out for 1400 pixels and more."""
    return dashboard(
        UID,
        "SLOs",
        "What is promised, what is left of each error budget, and how fast it burns. The variables "
        "app, provider and model choose nothing here: promises are for everybody.",
        {
            "Kept so far: the last 30 days against the objectives": now.attained(),
            "Error budgets: what of the last 30 days may still go wrong": now.budgets(),
            "Burn rates: at 1 a budget lasts just as long as its window": why.burn_rates(),
            "Over time": why.over_time(),
            "Objectives by environment": which.objectives(),
        },
        since="now-6h",
    )
