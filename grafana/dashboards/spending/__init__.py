"""The dashboard "Cost and budgets": what is wrong, then who spends on what, then which request."""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana.dashboards.layout import dashboard
from grafana.dashboards.spending import now, which, why

UID: Final = "cost-and-budgets"


def cost_and_budgets() -> Dashboard:
    """The dashboard, laid out for 1400 pixels and more."""
    return dashboard(
        UID,
        "Cost and budgets",
        "What LLM requests cost, what budgets have left, and who spends it on what.",
        {
            "Now: today, this month, and the budget that is nearest its end": now.numbers(),
            "Budgets": why.budgets(),
            "Spend per hour": why.spend(),
            "Per request and per token": why.prices(),
            "The last 30 days, whatever time range is chosen": why.days(),
            "Budgets as they stand": which.budgets(),
            "Who spent what over the whole time range": which.rankings(),
            "Requests: each trace id opens its trace": which.requests(),
        },
    )
