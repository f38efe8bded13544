"""Which: models, apps and single requests."""

from typing import Final

from grafana_foundation_sdk.builders.logs import Panel as LogsPanel
from grafana_foundation_sdk.builders.table import Panel as TablePanel

from grafana.dashboards import thresholds
from grafana.dashboards.links import traces_link
from grafana.dashboards.queries import overview as queries
from grafana.dashboards.queries import records
from grafana.dashboards.queries.traces import TRACES_OF_APP, TRACES_OF_MODEL
from grafana.dashboards.selectors import label
from grafana.dashboards.tables import Column, log_lines, metrics_table, requests_table
from grafana.dashboards.units import RATIO, SECONDS, USD
from otel import attributes as a

_MODEL: Final = Column(links=(traces_link("Traces of this model", TRACES_OF_MODEL),))
_APP: Final = Column(links=(traces_link("Traces of this app", TRACES_OF_APP),))
_USAGE_COLUMNS: Final = {
    "Cost": Column(unit=USD, width=105, absent="none"),
    "Requests": Column(unit="locale", decimals=0, width=90),
    "Failed": Column(unit=RATIO, decimals=1, width=70, limits=thresholds.ERROR_RATIO),
    "p95": Column(unit=SECONDS, width=80, limits=thresholds.DURATION_SECONDS, absent="none"),
    "Tokens": Column(unit="short", width=80),
}
_REQUEST_NAMES: Final = {
    label(a.REQUEST_MODEL): "Model",
    label(a.APP): "App",
    label(a.OUTCOME): "Outcome",
}
_REQUEST_COLUMNS: Final = {"App": Column(width=120), "Outcome": Column(width=130)}


def rankings() -> list[TablePanel]:
    """Which model and which app."""
    return [
        metrics_table(
            "Models by cost",
            "Every model that was asked within the time range.",
            queries.MODELS,
            names={label(a.PROVIDER_NAME): "Provider", label(a.REQUEST_MODEL): "Model"},
            columns={"Provider": Column(width=95), "Model": _MODEL, **_USAGE_COLUMNS},
            sort_by="Cost",
        ).span(13),
        metrics_table(
            "Apps by cost",
            "Every app that asked within the time range. An app is named by its API key.",
            queries.APPS,
            names={label(a.APP): "App"},
            columns={"App": _APP, **_USAGE_COLUMNS},
            sort_by="Cost",
        ).span(11),
    ]


def requests() -> list[TablePanel | LogsPanel]:
    """Which request: the ten worst by time and by cost, and the newest."""
    return [
        requests_table(
            "Slowest requests",
            "The ten slowest inferences of the time range, from the usage records.",
            records.SLOWEST_REQUESTS,
            names=_REQUEST_NAMES,
            columns={
                "Latency": Column(
                    unit="ms",
                    width=100,
                    limits=thresholds.in_milliseconds(thresholds.DURATION_SECONDS),
                ),
                **_REQUEST_COLUMNS,
            },
            sort_by="Latency",
        ).span(12),
        requests_table(
            "Dearest requests",
            "The ten dearest inferences of the time range, from the usage records.",
            records.DEAREST_REQUESTS,
            names=_REQUEST_NAMES,
            columns={"Cost": Column(unit=USD, width=105), **_REQUEST_COLUMNS},
            sort_by="Cost",
        ).span(12),
        log_lines(
            "Usage records",
            "One line for each inference, the newest first; open one for its attributes and trace.",
            records.RECENT_USAGE,
        ),
    ]
