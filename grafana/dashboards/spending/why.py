"""Why: budgets over time, who spends, what a request costs, and the days of a month."""

from grafana_foundation_sdk.builders.timeseries import Panel as GraphPanel

from grafana.dashboards import thresholds
from grafana.dashboards.graphs import bars, graph, over
from grafana.dashboards.looks import CRITICAL, WARNING
from grafana.dashboards.queries import spending as queries
from grafana.dashboards.units import RATIO, USD

# Four graphs beside each other.
_NARROW = 6


def budgets() -> list[GraphPanel]:
    """How full budgets are, where they end, and what that does to requests."""
    return [
        graph(
            "Budgets used",
            "The share of its limit that each budget has spent in its present window; the fullest "
            "ones.",
            [queries.BUDGETS_USED],
            unit=RATIO,
            limits=thresholds.BUDGET_RATIO,
            absent="No budget",
        ),
        graph(
            "Where budgets end at their pace",
            "The share of its limit that each budget will have spent by the end of its window.",
            [queries.BUDGETS_FORECAST],
            unit=RATIO,
            limits=thresholds.BUDGET_FORECAST_RATIO,
            absent="No budget",
        ),
        graph(
            "Refused by budgets",
            "Requests per second that a used up budget refused, and those that went on without "
            "their budgets having been asked, because Redis was away.",
            queries.BUDGET_ANSWERS,
            unit="reqps",
            colors={"refused": CRITICAL, "not asked": WARNING},
        ),
    ]


def spend() -> list[GraphPanel]:
    """In US dollars per hour at each moment's pace, by whom and on what."""
    return [
        graph(
            f"Cost per hour by {what}",
            f"What each {what} costs per hour at each moment's pace; the dearest of the time "
            "range.",
            [query],
            unit=USD,
            stacked=True,
        ).span(_NARROW)
        for what, query in (
            ("app", queries.COST_BY_APP),
            ("model", queries.COST_BY_MODEL),
            ("provider", queries.COST_BY_PROVIDER),
            ("operation", queries.COST_BY_OPERATION),
        )
    ]


def prices() -> list[GraphPanel]:
    """What one request and a thousand tokens cost, what was saved, what has no price."""
    panels = [
        graph(
            "Cost per request by model",
            "Cost divided by inferences, failed ones included.",
            [queries.COST_PER_REQUEST],
            unit=USD,
            limits=thresholds.COST_PER_REQUEST_USD,
        ),
        graph(
            "Cost per 1,000 tokens by model",
            "Cost divided by input and output tokens together.",
            [queries.COST_PER_THOUSAND_TOKENS],
            unit=USD,
        ),
        graph(
            "Saved per hour by caching",
            "What answers from our response cache and input from providers' prompt caches would "
            "have cost besides.",
            [queries.SAVED],
            unit=USD,
            stacked=True,
            absent="Nothing was saved in this time range",
        ),
        graph(
            "Unpriced inferences per hour",
            "Inferences whose price is not known, by model: add the model to the price book.",
            [queries.UNPRICED],
            unit="short",
        ),
    ]
    return [panel.span(_NARROW) for panel in panels]


def days() -> list[GraphPanel]:
    """Thirty days: as bars by model, and as a line."""
    by_model = graph(
        "Cost per day by model",
        "A bar for each day from midnight to midnight; today's is what it has cost so far.",
        [queries.COST_PER_DAY_BY_MODEL],
        unit=USD,
        stacked=True,
    )
    line = graph(
        "Cost of 24 hours, over 30 days",
        "Each point is what the 24 hours before it cost.",
        [queries.COST_OF_THIRTY_DAYS],
        unit=USD,
        limits=thresholds.COST_PER_DAY_USD,
    )
    return [
        over(bars(by_model), queries.DAYS, queries.DAY_STEP).span(12),
        over(line, queries.DAYS, queries.LINE_STEP).span(12),
    ]
