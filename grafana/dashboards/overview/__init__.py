"""The dashboard "GenAI overview": what is wrong, then why, then which request."""

from collections.abc import Iterator, Sequence
from itertools import count
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
_Panel = StatPanel | GraphPanel | TablePanel | LogsPanel


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
    rows: dict[str, Sequence[_Panel]] = {
        "Now: the last five minutes": now.health() + now.spending(),
        "Traffic and errors": why.traffic(),
        "Latency: the dots are exemplars, each opens its trace": why.latency(),
        "Cost, tokens and cache": why.money(),
        "What the gateway did about failing providers": why.resilience(),
        "Models and apps over the whole time range": which.rankings(),
        "Requests: each trace id opens its trace": which.requests(),
    }
    ids = count(1)
    for title, panels in rows.items():
        _add(dashboard, title, panels, ids)
    return dashboard


def _add(dashboard: Dashboard, title: str, panels: Sequence[_Panel], ids: Iterator[int]) -> None:
    """A heading and its panels, which flow from left to right by their own widths."""
    dashboard.with_row(Row(title).id(next(ids)))
    for panel in panels:
        dashboard.with_panel(panel.id(next(ids)))
