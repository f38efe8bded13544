"""The last hour's requests worth looking at, each with the way to its trace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service.ledger.documents import Notable, RequestSummary
from service.web import figures, links
from service.web.figures import Figure
from service.web.moments import Moment, Zoned


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One request as shown. `cost` is None where the model has no known price."""

    trace_id: str
    asked_at: Moment
    app: str
    model: str
    provider: str
    operation: str
    component: str | None
    latency: Figure
    tokens: str
    cost: Figure | None
    outcome: str
    error: str | None
    marks: tuple[str, ...]
    waterfall: str | None
    grafana: str | None


@dataclass(frozen=True, slots=True)
class RequestList:
    """The first rows of one ranking of the hour; `which` says that there may be more."""

    key: str
    title: str
    which: str
    none: str
    rows: tuple[RequestRow, ...]


def notable_view(notable: Notable, zoned: Zoned, grafana: str | None) -> tuple[RequestList, ...]:
    """The dearest, the slowest and the failed."""
    lists = (
        ("dearest", "top", "No request cost anything in the last hour.", notable.dearest),
        ("slowest", "top", "No request in the last hour.", notable.slowest),
        ("failed", "latest", "No request failed in the last hour.", notable.failed),
    )
    return tuple(
        RequestList(key, key.capitalize(), which, none, _rows(found, zoned, grafana))
        for key, which, none, found in lists
    )


def _rows(
    found: Sequence[RequestSummary], zoned: Zoned, grafana: str | None
) -> tuple[RequestRow, ...]:
    return tuple(_row(request, zoned, grafana) for request in found)


def _row(request: RequestSummary, zoned: Zoned, grafana: str | None) -> RequestRow:
    marks = [
        word
        for word, holds in (("streamed", request.stream), ("usage estimated", request.estimated))
        if holds
    ]
    return RequestRow(
        trace_id=request.trace_id,
        asked_at=zoned.clock(request.asked_at),
        app=request.app,
        model=request.model,
        provider=request.provider,
        operation=request.operation,
        component=request.component,
        latency=figures.duration(request.latency_ms),
        tokens=f"{request.input_tokens:,} → {request.output_tokens:,}",
        cost=None if request.cost_usd is None else figures.usd(request.cost_usd),
        outcome=request.outcome,
        error=request.error,
        marks=tuple(marks),
        waterfall=links.waterfall_path(request.trace_id),
        grafana=links.explore_url(
            grafana, request.trace_id, datetime.fromisoformat(request.asked_at)
        ),
    )
