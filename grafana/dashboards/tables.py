"""Tables and log lines: which model, which app, which request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from grafana_foundation_sdk.builders import logs, loki, prometheus, table
from grafana_foundation_sdk.builders.common import TableSortByFieldState
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, DynamicConfigValue
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from grafana.dashboards import datasources, links
from grafana.dashboards.graphs import reference
from grafana.dashboards.looks import CRITICAL, GOOD, WARNING, plain_steps
from grafana.dashboards.queries.query import Query
from grafana.dashboards.queries.records import logs_of_trace
from grafana.dashboards.selectors import ENVIRONMENT, label
from grafana.dashboards.thresholds import Limits

TABLE_HEIGHT = 9
LOGS_WIDTH, LOGS_HEIGHT = 24, 10
_TRACE_COLUMN = "Trace"
_RISING = (GOOD, WARNING, CRITICAL)


@dataclass(frozen=True, slots=True)
class Column:
    """How one column looks. `limits` colour its text; `width` is in pixels."""

    unit: str = ""
    decimals: int | None = None
    width: int | None = None
    limits: Limits | None = None
    absent: str = ""
    links: tuple[Mapping[str, object], ...] = field(default=())

    def properties(self) -> list[DynamicConfigValue]:
        """The look as Grafana's field overrides."""
        found: list[tuple[str, object]] = []
        if self.unit:
            found.append(("unit", self.unit))
        if self.decimals is not None:
            found.append(("decimals", self.decimals))
        if self.width is not None:
            found.append(("custom.width", self.width))
        if self.absent:
            found.append(("noValue", self.absent))
        if self.links:
            found.append(("links", [dict(link) for link in self.links]))
        if self.limits:
            found.append(("thresholds", _steps(self.limits)))
            found.append(("custom.cellOptions", {"type": "color-text"}))
        return [DynamicConfigValue(name, value) for name, value in found]


def metrics_table(
    title: str,
    description: str,
    queries: Mapping[str, str],
    *,
    names: Mapping[str, str],
    columns: Mapping[str, Column],
    sort_by: str,
) -> table.Panel:
    """One row for each set of labels. `queries` is column → PromQL, `names` label → column."""
    targets = [
        prometheus.Dataquery()
        .datasource(datasources.prometheus())
        .ref_id(reference(index))
        .expr(expression)
        .instant()
        .format(PromQueryFormat.TABLE)
        for index, expression in enumerate(queries.values())
    ]
    panel = _table(title, description, columns, sort_by).datasource(datasources.prometheus())
    return _merged(panel.targets([*targets]), names, queries)


def records_table(
    title: str,
    description: str,
    queries: Mapping[str, str],
    *,
    names: Mapping[str, str],
    columns: Mapping[str, Column],
    sort_by: str,
) -> table.Panel:
    """One row for each set of labels. `queries` is column → LogQL, `names` label → column."""
    targets = [
        loki.Dataquery()
        .datasource(datasources.loki())
        .ref_id(reference(index))
        .expr(expression)
        .query_type("instant")
        for index, expression in enumerate(queries.values())
    ]
    panel = _table(title, description, columns, sort_by).datasource(datasources.loki())
    return _merged(panel.targets([*targets]), names, queries)


def requests_table(
    title: str,
    description: str,
    query: Query,
    *,
    names: Mapping[str, str],
    columns: Mapping[str, Column],
    sort_by: str,
) -> table.Panel:
    """Single requests from Loki, each linked to its trace and its lines.

    `names` is label → column; the query's own value is the column `sort_by`.
    """
    target = (
        loki.Dataquery()
        .datasource(datasources.loki())
        .ref_id("A")
        .expr(query.expression)
        .query_type("instant")
    )
    trace = Column(
        width=125,
        links=(
            links.trace_link("${__value.raw}"),
            links.logs_link(logs_of_trace("${__value.raw}")),
        ),
    )
    panel = _table(title, description, {**columns, _TRACE_COLUMN: trace}, sort_by)
    renamed = {"Value #A": sort_by, **names, "trace_id": _TRACE_COLUMN}
    return (
        panel.datasource(datasources.loki())
        .with_target(target)
        .with_transformation(_organised(renamed))
    )


def log_lines(title: str, description: str, query: Query) -> logs.Panel:
    """Log lines, the newest first; each opens to its attributes and its trace."""
    target = (
        loki.Dataquery()
        .datasource(datasources.loki())
        .ref_id("A")
        .expr(query.expression)
        .query_type("range")
        .max_lines(100)
    )
    return (
        logs.Panel()
        .title(title)
        .description(description)
        .datasource(datasources.loki())
        .height(LOGS_HEIGHT)
        .span(LOGS_WIDTH)
        .with_target(target)
        .show_time(True)
        .wrap_log_message(False)
        .enable_log_details(True)
        .sort_order(common.LogsSortOrder.DESCENDING)
        .dedup_strategy(common.LogsDedupStrategy.NONE)
    )


def _table(
    title: str, description: str, columns: Mapping[str, Column], sort_by: str
) -> table.Panel:
    panel = (
        table.Panel()
        .title(title)
        .description(description)
        .height(TABLE_HEIGHT)
        .thresholds(plain_steps())
        .cell_height(common.TableCellHeight.SM)
        .sort_by([TableSortByFieldState().display_name(sort_by).desc(True)])
    )
    for name, column in columns.items():
        panel = panel.override_by_name(name, column.properties())
    return panel


def _merged(
    panel: table.Panel, names: Mapping[str, str], queries: Mapping[str, str]
) -> table.Panel:
    """Joins the queries' rows by their labels."""
    values = {f"Value #{reference(index)}": column for index, column in enumerate(queries)}
    return panel.with_transformation(
        DataTransformerConfig("merge", options={})
    ).with_transformation(_organised({**names, **values}))


def _organised(renamed: Mapping[str, str]) -> DataTransformerConfig:
    """Renames columns, puts them in the order given, drops the time and an unnamed environment."""
    order: Sequence[str] = list(renamed)
    options = {
        "excludeByName": {"Time": True, label(ENVIRONMENT): label(ENVIRONMENT) not in renamed},
        "indexByName": {name: index for index, name in enumerate(order)},
        "renameByName": dict(renamed),
    }
    return DataTransformerConfig("organize", options=options)


def _steps(limits: Limits) -> dict[str, object]:
    """The limits as Grafana's steps, from the lowest value up."""
    below, middle, above = (CRITICAL, WARNING, GOOD) if limits.low_is_bad else _RISING
    first, second = sorted((limits.warning, limits.critical))
    steps = [
        {"color": below, "value": None},
        {"color": middle, "value": first},
        {"color": above, "value": second},
    ]
    return {"mode": "absolute", "steps": steps}
