"""The events that every dashboard marks on its graphs: what changed before things went wrong."""

from grafana_foundation_sdk.builders.dashboard import AnnotationQuery

from grafana.dashboards import datasources
from grafana.dashboards.queries import annotations as queries
from grafana.dashboards.queries.query import Query


def events() -> list[AnnotationQuery]:
    """Starts, versions, reloads and alerts; each can be switched off at the top of a dashboard."""
    return [
        _event("Starts", queries.STARTS, "blue"),
        _event("Versions", queries.VERSIONS, "purple"),
        _event("Budget and price reloads", queries.RELOADS, "green"),
        _event("Alerts", queries.FIRING, "red", tags="severity,team"),
    ]


def _event(name: str, query: Query, color: str, *, tags: str = "") -> AnnotationQuery:
    return (
        AnnotationQuery()
        .name(name)
        .datasource(datasources.prometheus())
        .enable(True)
        .icon_color(color)
        .expr(query.expression)
        .title_format(query.legend)
        .text_format(" ")
        .tag_keys(tags)
        .step("60s")
    )
