"""Where a trace can be looked at: Grafana's Explore, and the page's own waterfall."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from urllib.parse import quote, urlsplit

TEMPO_UID = "tempo"
"""The uid under which Grafana is provisioned with Tempo."""
TRACE_ID = re.compile(r"[0-9a-f]{32}")
_AROUND = timedelta(minutes=30)


def is_trace_id(text: str) -> bool:
    """Whether this is a W3C trace id: 32 lower-case hexadecimal digits, not all zero."""
    return TRACE_ID.fullmatch(text) is not None and text != "0" * 32


def waterfall_path(trace_id: str) -> str | None:
    """The page's own address for a trace; None where the id is none."""
    return f"/admin/traces/{trace_id}" if is_trace_id(trace_id) else None


def grafana_base(url: str | None) -> str | None:
    """Grafana's address as a browser may follow it; None where there is none that it may."""
    if url is None:
        return None
    parts = urlsplit(url)
    return url.rstrip("/") if parts.scheme in ("http", "https") and parts.netloc else None


def explore_url(base: str | None, trace_id: str, around: datetime) -> str | None:
    """Explore's address for one trace, half an hour to each side of `around`.

    The `left` form is read by old and new Grafanas alike. None where there is no Grafana.
    """
    grafana = grafana_base(base)
    if grafana is None or not is_trace_id(trace_id):
        return None
    query = {
        "refId": "A",
        "datasource": {"uid": TEMPO_UID},
        "queryType": "traceql",
        "query": trace_id,
    }
    state = {
        "datasource": TEMPO_UID,
        "queries": [query],
        "range": {"from": _milliseconds(around - _AROUND), "to": _milliseconds(around + _AROUND)},
    }
    return f"{grafana}/explore?left={quote(json.dumps(state, separators=(',', ':')), safe='')}"


def _milliseconds(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))
