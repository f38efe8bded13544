"""Where a person opens each signal of a request: Grafana's Explore, or the backends themselves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from stack.settings import Settings

_MARGIN_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Queries:
    """What each backend is asked about one request, and the time it fell in (Unix seconds)."""

    trace_id: str
    logs: str
    metric: str
    exemplars: str
    cost: str
    began: float
    ended: float


def links(settings: Settings, queries: Queries, *, grafana: bool) -> dict[str, str]:
    """Return an address for each signal."""
    return _explore(settings, queries) if grafana else _interfaces(settings, queries)


def _explore(settings: Settings, queries: Queries) -> dict[str, str]:
    def pane(uid: str, query: dict[str, Any]) -> str:
        # The form of one pane: Grafana 9 knows no other, and newer ones convert it.
        state = {
            "datasource": uid,
            "queries": [{"refId": "A", **query}],
            "range": {
                "from": str(int((queries.began - _MARGIN_SECONDS) * 1000)),
                "to": str(int((queries.ended + _MARGIN_SECONDS) * 1000)),
            },
        }
        left = json.dumps(state, separators=(",", ":"))
        return f"{settings.url('grafana')}/explore?{urlencode({'left': left})}"

    def metric(expression: str) -> str:
        return pane("prometheus", {"expr": expression, "exemplar": True})

    trace = {"queryType": "traceql", "query": queries.trace_id}
    return {
        "span": pane("tempo", trace),
        "log": pane("loki", {"expr": queries.logs}),
        "metric": metric(queries.metric),
        "exemplar": metric(f"rate({queries.exemplars}[1m])"),
        "cost": metric(queries.cost),
    }


def _interfaces(settings: Settings, queries: Queries) -> dict[str, str]:
    prometheus, began, ended = settings.url("prometheus"), queries.began, queries.ended
    lines = {
        "query": queries.logs,
        "start": int((began - _MARGIN_SECONDS) * 1e9),
        "end": int((ended + _MARGIN_SECONDS) * 1e9),
    }
    exemplars = {
        "query": queries.exemplars,
        "start": int(began - _MARGIN_SECONDS),
        "end": int(ended + _MARGIN_SECONDS),
    }
    return {
        "span": f"{settings.url('tempo')}/api/traces/{queries.trace_id}",
        "log": f"{settings.url('loki')}/loki/api/v1/query_range?{urlencode(lines)}",
        "metric": f"{prometheus}/api/v1/query?{urlencode({'query': queries.metric})}",
        "exemplar": f"{prometheus}/api/v1/query_exemplars?{urlencode(exemplars)}",
        "cost": f"{prometheus}/api/v1/query?{urlencode({'query': queries.cost})}",
    }
