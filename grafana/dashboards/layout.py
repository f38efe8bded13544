"""What every dashboard shares: variables, events, links, refresh, rows that flow left to right."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders.dashboard import Dashboard, Row
from grafana_foundation_sdk.builders.heatmap import Panel as HeatmapPanel
from grafana_foundation_sdk.builders.logs import Panel as LogsPanel
from grafana_foundation_sdk.builders.stat import Panel as StatPanel
from grafana_foundation_sdk.builders.table import Panel as TablePanel
from grafana_foundation_sdk.builders.timeseries import Panel as GraphPanel
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync

from grafana.dashboards.annotations import events
from grafana.dashboards.links import TAG, other_dashboards
from grafana.dashboards.panel_ids import panel_id
from grafana.dashboards.variables import common_variables

Panel = StatPanel | GraphPanel | TablePanel | LogsPanel | HeatmapPanel


def dashboard(
    uid: str,
    title: str,
    description: str,
    rows: Mapping[str, Sequence[Panel]],
    *,
    since: str = "now-1h",
    refresh: str = "30s",
) -> Dashboard:
    """A dashboard of headed rows, in their order, each a sequence of panels."""
    made = (
        Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG, "genai"])
        .timezone("browser")
        .time(since, "now")
        .refresh(refresh)
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .readonly()
        .variables([*common_variables()])
        .annotations([*events()])
        .link(other_dashboards())
    )
    for number, (heading, panels) in enumerate(rows.items(), start=1):
        _add(made, number, heading, panels)
    return made


def _add(made: Dashboard, number: int, heading: str, panels: Sequence[Panel]) -> None:
    """A heading and its panels, which flow from left to right by their own widths."""
    made.with_row(Row(heading).id(number))
    for panel in panels:
        made.with_panel(panel.id(panel_id(panel.build().title or "")))
