"""Links into Explore: from a row or a panel to the trace or the lines behind it."""

import json
from typing import Final
from urllib.parse import quote

from grafana_foundation_sdk.builders.dashboard import DashboardLink
from grafana_foundation_sdk.models.dashboard import DashboardLinkType

from grafana.dashboards.datasources import LOKI_UID, TEMPO_UID

# What every dashboard is tagged with, and found by.
TAG: Final = "gaugeway"


def other_dashboards() -> DashboardLink:
    """A menu of every dashboard of ours, which opens it with the same choices and time range."""
    return (
        DashboardLink("Gaugeway dashboards")
        .type(DashboardLinkType.DASHBOARDS)
        .tags([TAG])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
    )


def explore_url(datasource_uid: str, query: dict[str, str]) -> str:
    """Explore's address for one query over the dashboard's time range.

    The `left` form is read by old and new Grafanas alike; new ones rewrite it to their own.
    """
    state = {
        "datasource": datasource_uid,
        "queries": [{"refId": "A", "datasource": {"uid": datasource_uid}, **query}],
        "range": {"from": "${__from}", "to": "${__to}"},
    }
    return f"/explore?left={_escaped(json.dumps(state, separators=(',', ':')))}"


def trace_link(trace: str) -> dict[str, object]:
    """A data link to one trace; `trace` is its id or Grafana's template for it."""
    query = {"queryType": "traceql", "query": trace}
    return {"title": "Open the trace", "url": explore_url(TEMPO_UID, query), "targetBlank": True}


def traces_link(title: str, traceql: str) -> dict[str, object]:
    """A data link to the traces that a TraceQL query with Grafana's templates finds."""
    query = {"queryType": "traceql", "query": traceql}
    return {"title": title, "url": explore_url(TEMPO_UID, query), "targetBlank": True}


def logs_link(expression: str) -> dict[str, object]:
    """A data link to the log lines that a LogQL expression finds."""
    query = {"queryType": "range", "expr": expression}
    return {"title": "Open its log lines", "url": explore_url(LOKI_UID, query), "targetBlank": True}


def traces_search(title: str, traceql: str) -> DashboardLink:
    """A panel's link to the traces that a TraceQL query finds."""
    url = explore_url(TEMPO_UID, {"queryType": "traceql", "query": traceql})
    return DashboardLink(title).type(DashboardLinkType.LINK).url(url).target_blank(True)


def _escaped(text: str) -> str:
    """Percent-encodes all of `text` but Grafana's `${…}` templates."""
    parts: list[str] = []
    rest = text
    while (start := rest.find("${")) >= 0:
        end = rest.index("}", start) + 1
        parts += [quote(rest[:start], safe=""), rest[start:end]]
        rest = rest[end:]
    return "".join([*parts, quote(rest, safe="")])
