"""The row of stats and the time series: numbers from Prometheus against their thresholds."""

from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import loki, prometheus, stat, timeseries
from grafana_foundation_sdk.builders.common import (
    GraphThresholdsStyleConfig,
    ReduceDataOptions,
    StackingConfig,
    VizLegendOptions,
    VizTextDisplayOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import DashboardLink, FieldColor
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    FieldColorModeId,
    ValueMapping,
)

from grafana.dashboards import datasources
from grafana.dashboards.looks import plain_steps, threshold_steps, when_absent
from grafana.dashboards.queries.query import Query
from grafana.dashboards.thresholds import Limits

# In Grafana's grid, 24 columns wide: eight numbers or three graphs beside each other.
STAT_WIDTH, STAT_HEIGHT = 3, 4
GRAPH_WIDTH, GRAPH_HEIGHT = 8, 8


def number(
    title: str,
    description: str,
    query: Query,
    limits: Limits,
    *,
    unit: str,
    absent: str = "no traffic",
    decimals: int | None = None,
    mappings: Sequence[ValueMapping] = (),
    since: str | None = None,
) -> stat.Panel:
    """One number as it is now, its background coloured by the limits.

    `since` is the beginning of a time range of its own, such as `now/d`.
    """
    panel = (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(datasources.prometheus())
        .height(STAT_HEIGHT)
        .span(STAT_WIDTH)
        .with_target(_target(query, 0).instant())
        .unit(unit)
        .no_value(absent)
        .mappings([*mappings, when_absent(absent)])
        .thresholds(threshold_steps(limits))
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .color_mode(common.BigValueColorMode.BACKGROUND)
        .graph_mode(common.BigValueGraphMode.NONE)
        .justify_mode(common.BigValueJustifyMode.CENTER)
        .text(VizTextDisplayOptions().value_size(28))
        .reduce_options(ReduceDataOptions().calcs(["last"]).values(False))
    )
    if since is not None:
        panel = panel.time_from(since).hide_time_override(True)
    return panel if decimals is None else panel.decimals(decimals)


def graph(
    title: str,
    description: str,
    queries: Sequence[Query],
    *,
    unit: str,
    limits: Limits | None = None,
    stacked: bool = False,
    maximum: float | None = None,
    absent: str = "No traffic in this time range",
    colors: Mapping[str, str] | None = None,
    links: Sequence[DashboardLink] = (),
) -> timeseries.Panel:
    """Lines over time. With limits, dashed lines show where a worry begins.

    `colors` is legend → colour, the legend as a regular expression; other lines get any colour.
    """
    panel = (
        _lines(stacked)
        .title(title)
        .description(description)
        .targets([_target(query, index).range() for index, query in enumerate(queries)])
        .unit(unit)
        .no_value(absent)
        .links(list(links))
    )
    for legend, color in (colors or {}).items():
        fixed = DynamicConfigValue("color", {"mode": "fixed", "fixedColor": color})
        panel = panel.override_by_regexp(f"/^({legend})$/", [fixed])
    if maximum is not None:
        panel = panel.max(maximum)
    if limits is None:
        return panel.thresholds(plain_steps())
    style = GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
    return panel.thresholds(threshold_steps(limits, good="transparent")).thresholds_style(style)


def records_graph(
    title: str, description: str, query: Query, *, unit: str, limits: Limits, absent: str
) -> timeseries.Panel:
    """Lines over time that Loki computes from records."""
    target = (
        loki.Dataquery()
        .datasource(datasources.loki())
        .ref_id(reference(0))
        .expr(query.expression)
        .legend_format(query.legend)
        .query_type("range")
    )
    panel = graph(title, description, [], unit=unit, limits=limits, absent=absent)
    return panel.datasource(datasources.loki()).targets([target]).interval("15s")


def over(panel: timeseries.Panel, since: str, step: str) -> timeseries.Panel:
    """The graph over a time range of its own, with a point for each step and no fewer."""
    return panel.time_from(since).interval(step).max_data_points(1000)


def bars(panel: timeseries.Panel) -> timeseries.Panel:
    """The graph as a bar for each step."""
    return (
        panel.draw_style(common.GraphDrawStyle.BARS)
        .fill_opacity(80)
        .bar_alignment(common.BarAlignment.AFTER)
    )


def _lines(stacked: bool) -> timeseries.Panel:
    """The look that every graph shares; what is charted is never below 0."""
    stacking = common.StackingMode.NORMAL if stacked else common.StackingMode.NONE
    tooltip = VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI)
    return (
        timeseries.Panel()
        .datasource(datasources.prometheus())
        .height(GRAPH_HEIGHT)
        .span(GRAPH_WIDTH)
        .min(0)
        .color_scheme(FieldColor().mode(FieldColorModeId.PALETTE_CLASSIC))
        # A stack outlined would wear the colour of its top layer, however thin that is.
        .line_width(0 if stacked else 1.5)
        .fill_opacity(70 if stacked else 8)
        .show_points(common.VisibilityMode.AUTO)
        .point_size(4)
        .axis_border_show(False)
        .stacking(StackingConfig().mode(stacking))
        .legend(_legend())
        .tooltip(tooltip.sort(common.SortOrder.DESCENDING))
    )


def _legend() -> VizLegendOptions:
    return (
        VizLegendOptions()
        .display_mode(common.LegendDisplayMode.LIST)
        .placement(common.LegendPlacement.BOTTOM)
        .show_legend(True)
    )


def _target(query: Query, index: int) -> prometheus.Dataquery:
    return (
        prometheus.Dataquery()
        .datasource(datasources.prometheus())
        .ref_id(reference(index))
        .expr(query.expression)
        .legend_format(query.legend)
        .exemplar(query.exemplars)
    )


def reference(index: int) -> str:
    """A query's id within its panel: A, B, C …"""
    return chr(ord("A") + index)
