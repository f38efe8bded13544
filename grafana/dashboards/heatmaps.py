"""Heat maps: every observation of a histogram by its bucket, so that two crowds are seen as two."""

from typing import Final

from grafana_foundation_sdk.builders import heatmap, prometheus
from grafana_foundation_sdk.builders.dashboard import FieldColor
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import heatmap as models
from grafana_foundation_sdk.models.dashboard import FieldColorModeId
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.dashboards import datasources
from grafana.dashboards.graphs import GRAPH_HEIGHT, GRAPH_WIDTH
from grafana.dashboards.looks import plain_steps
from grafana.dashboards.queries.query import Query

# Seen on the dark and on the light theme alike, and not a colour of the map.
_EXEMPLARS: Final = "rgba(87,148,242,0.7)"


def heat_map(title: str, description: str, query: Query, *, unit: str) -> heatmap.Panel:
    """Buckets upwards, time to the right, and the fuller the more observations a second.

    The query gives a series for each bucket, with `le` as its legend.
    """
    target = (
        prometheus.Dataquery()
        .datasource(datasources.prometheus())
        .ref_id("A")
        .expr(query.expression)
        .legend_format(query.legend)
        .format(PromQueryFormat.HEATMAP)
        .exemplar(query.exemplars)
        .range()
    )
    return (
        heatmap.Panel()
        .title(title)
        .description(description)
        .datasource(datasources.prometheus())
        .height(GRAPH_HEIGHT)
        .span(GRAPH_WIDTH)
        .with_target(target)
        .unit(unit)
        .thresholds(plain_steps())
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .calculate(False)
        .cell_gap(1)
        .color(_colors())
        # A bucket nobody fell into is empty, not the palest colour.
        .filter_values(heatmap.FilterValueRange().le(1e-9))
        .rows_frame(heatmap.RowsHeatmapOptions().layout(common.HeatmapCellLayout.AUTO))
        .y_axis(heatmap.YAxisConfig().unit(unit).axis_placement(common.AxisPlacement.LEFT))
        .cell_values(heatmap.CellValues().unit("reqps"))
        .tooltip(heatmap.HeatmapTooltip().mode(common.TooltipDisplayMode.SINGLE).y_histogram(True))
        .exemplars_color(_EXEMPLARS)
        .show_legend()
    )


def _colors() -> heatmap.HeatmapColorOptions:
    return (
        heatmap.HeatmapColorOptions()
        # A scheme would turn round on the light theme.
        .mode(models.HeatmapColorMode.OPACITY)
        .fill("orange")
        .scale(models.HeatmapColorScale.EXPONENTIAL)
        .exponent(0.5)
        .steps(64)
        .reverse(False)
    )
