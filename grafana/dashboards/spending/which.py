"""Which: budgets, models, apps and single requests."""

from dataclasses import replace
from typing import Final

from grafana_foundation_sdk.builders.logs import Panel as LogsPanel
from grafana_foundation_sdk.builders.table import Panel as TablePanel

from grafana.dashboards import thresholds
from grafana.dashboards.links import traces_link
from grafana.dashboards.queries import records
from grafana.dashboards.queries import spending as queries
from grafana.dashboards.queries.traces import TRACES_OF_APP, TRACES_OF_MODEL
from grafana.dashboards.selectors import label
from grafana.dashboards.tables import Column, log_lines, metrics_table, requests_table
from grafana.dashboards.units import RATIO, USD
from otel import attributes as a

_MODEL: Final = Column(links=(traces_link("Traces of this model", TRACES_OF_MODEL),))
_APP: Final = Column(links=(traces_link("Traces of this app", TRACES_OF_APP),))
_SPENDING_COLUMNS: Final = {
    "Cost": Column(unit=USD, width=100, absent="none"),
    "Share": Column(unit=RATIO, decimals=1, width=65),
    "Requests": Column(unit="locale", decimals=0, width=85),
    "Per request": Column(unit=USD, width=110, limits=thresholds.COST_PER_REQUEST_USD),
    "Per 1k tokens": Column(unit=USD, width=110),
    "Saved": Column(unit=USD, width=100, absent="none"),
    "Unpriced": Column(unit="locale", decimals=0, width=80, limits=thresholds.UNPRICED_OPERATIONS),
}


def budgets() -> list[TablePanel]:
    """Every budget as it stands."""
    return [
        metrics_table(
            "Budgets",
            "Every budget in its present window, in its own unit: US dollars, tokens or requests. "
            "Of budgets that each user has, only how many users are past a threshold is told.",
            queries.BUDGETS,
            names={
                label(a.BUDGET_NAME): "Budget",
                label(a.BUDGET_SCOPE): "Scope",
                label(a.BUDGET_VALUE): "Of",
                label(a.BUDGET_WINDOW): "Window",
                label(a.BUDGET_UNIT): "Unit",
            },
            columns={
                "Scope": Column(width=110),
                "Window": Column(width=90),
                "Unit": Column(width=90),
                **{
                    name: Column(unit="short", width=105)
                    for name in ("Limit", "Spent", "Reserved", "Left", "Forecast")
                },
                "Used": Column(unit=RATIO, decimals=1, width=90, limits=thresholds.BUDGET_RATIO),
            },
            sort_by="Used",
        )
        .height(7)
        .span(24),
    ]


def rankings() -> list[TablePanel]:
    """Which model, which app, which part of an app."""
    return [
        metrics_table(
            "Spend by model",
            "Every model that was asked within the time range.",
            queries.MODELS,
            names={label(a.PROVIDER_NAME): "Provider", label(a.REQUEST_MODEL): "Model"},
            columns={"Provider": Column(width=95), "Model": _MODEL, **_SPENDING_COLUMNS},
            sort_by="Cost",
        ).span(24),
        metrics_table(
            "Spend by app",
            "Every app that asked within the time range. An app is named by its API key.",
            queries.APPS,
            names={label(a.APP): "App"},
            columns={"App": _APP, **_SPENDING_COLUMNS},
            sort_by="Cost",
        ).span(15),
        metrics_table(
            "Spend by component and operation",
            "The parts of apps, as far as apps declare them.",
            queries.COMPONENTS,
            names={
                label(a.APP): "App",
                label(a.COMPONENT): "Component",
                label(a.OPERATION_NAME): "Operation",
            },
            columns={
                "App": replace(_APP, width=115),
                "Component": Column(width=105),
                "Operation": Column(width=100),
                "Cost": _SPENDING_COLUMNS["Cost"],
                "Share": _SPENDING_COLUMNS["Share"],
            },
            sort_by="Cost",
        ).span(9),
    ]


def requests() -> list[TablePanel | LogsPanel]:
    """Which request: the dearest and the newest."""
    return [
        requests_table(
            "Dearest requests",
            "The ten dearest inferences of the time range, from the usage records.",
            records.DEAREST_REQUESTS,
            names={
                label(a.REQUEST_MODEL): "Model",
                label(a.APP): "App",
                label(a.OUTCOME): "Outcome",
            },
            columns={"Cost": Column(unit=USD, width=150), "Outcome": Column(width=160)},
            sort_by="Cost",
        ).span(24),
        log_lines(
            "Usage records",
            "One line for each inference, the newest first; open one for its attributes and trace.",
            records.RECENT_USAGE,
        ),
    ]
