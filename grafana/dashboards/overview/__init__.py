"""The dashboard "GenAI overview": what is wrong, then why, then which request."""

from collections.abc import Sequence
from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row
from grafana_foundation_sdk.builders.logs import Panel as LogsPanel
from grafana_foundation_sdk.builders.stat import Panel as StatPanel
from grafana_foundation_sdk.builders.table import Panel as TablePanel
from grafana_foundation_sdk.builders.timeseries import Panel as GraphPanel
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync

from grafana.dashboards.overview import now, which, why
from grafana.dashboards.variables import common_variables

UID: Final = "genai-overview"
_WIDTH: Final = 24


def genai_overview() -> Dashboard:
    """The dashboard, laid out for 1400 pixels and more."""
    dashboard = (
        Dashboard("GenAI overview")
        .uid(UID)
        .description("What LLM requests do, what they cost, and which of them to look at.")
        .tags(["gaugeway", "genai"])
        .timezone("browser")
        .time("now-1h", "now")
        .refresh("30s")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .variables([*common_variables()])
    )
    _add(dashboard, "Now: the last five minutes", now.health() + now.spending())
    _add(dashboard, "Traffic and errors", why.traffic())
    _add(dashboard, "Latency: the dots are exemplars, each opens its trace", why.latency())
    _add(dashboard, "Cost, tokens and cache", why.money())
    _add(dashboard, "What the gateway did about failing providers", why.resilience())
    _add(dashboard, "Models and apps over the whole time range", which.rankings())
    _add(dashboard, "Requests: each trace id opens its trace", which.requests())
    return dashboard


def _add(
    dashboard: Dashboard,
    title: str,
    panels: Sequence[StatPanel | GraphPanel | TablePanel | LogsPanel],
) -> None:
    """One row: a heading and panels of equal width; a panel of logs takes a line of its own."""
    dashboard.with_row(Row(title))
    beside = [panel for panel in panels if not isinstance(panel, LogsPanel)]
    for panel in panels:
        alone = isinstance(panel, LogsPanel)
        dashboard.with_panel(panel.span(_WIDTH if alone else _WIDTH // len(beside)))
