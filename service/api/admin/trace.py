"""`GET /admin/traces/{trace_id}`: one trace as a waterfall, read from Tempo."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Path, Request
from starlette.responses import HTMLResponse

from service.api.admin.access import csrf_token, require_admin
from service.api.admin.documentation import SECURED
from service.api.admin.pages import TRACE_RESPONSES
from service.api.context import runtime_of
from service.errors import NotFound
from service.keys import Caller
from service.web.links import explore_url, grafana_base, is_trace_id
from service.web.moments import Zoned
from service.web.spans import TraceFormatError, read_trace
from service.web.templates import render
from service.web.tempo import TempoReader, TraceNotFound, TraceUnreadable
from service.web.waterfall import Waterfall, waterfall

router = APIRouter()


def tempo_of(request: Request) -> TempoReader:
    """The Tempo that the settings name."""
    return TempoReader(runtime_of(request).settings.tempo_url)


@router.get(
    "/admin/traces/{trace_id}",
    summary="A trace as a waterfall",
    response_class=HTMLResponse,
    response_model=None,
    responses=TRACE_RESPONSES,
    openapi_extra=SECURED,
)
async def show_trace(
    request: Request,
    caller: Annotated[Caller, Depends(require_admin)],
    tempo: Annotated[TempoReader, Depends(tempo_of)],
    trace_id: Annotated[str, Path(description="32 lower-case hexadecimal digits")],
) -> HTMLResponse:
    """The spans of one request, for a browser; 404 where Tempo has none of it.

    While Tempo does not answer the page says so and what to do.
    """
    if not is_trace_id(trace_id):
        raise NotFound("There is no such trace: its id has 32 lower-case hexadecimal digits.")
    settings = runtime_of(request).settings
    zoned = Zoned(datetime.now(UTC), ZoneInfo(settings.time_zone))
    shown: Waterfall | None = None
    problem: TraceUnreadable | None = None
    try:
        raw = await tempo.trace(trace_id)
        # Megabytes of JSON: other requests do not wait for them.
        shown = await asyncio.to_thread(_waterfall, raw, zoned)
    except TraceUnreadable as error:
        problem = error
    missing = isinstance(problem, TraceNotFound)
    text = await asyncio.to_thread(
        lambda: render(
            "trace.html",
            app=caller.app,
            csrf_token=csrf_token(request),
            grafana=grafana_base(settings.grafana_url),
            explore=explore_url(
                settings.grafana_url, trace_id, zoned.now if shown is None else shown.begin
            ),
            trace_id=trace_id,
            waterfall=shown,
            problem=str(problem or ""),
            missing=missing,
        )
    )
    return HTMLResponse(text, status_code=404 if missing else 200)


def _waterfall(raw: bytes, zoned: Zoned) -> Waterfall:
    try:
        shown = waterfall(read_trace(raw), zoned)
    except TraceFormatError:
        raise TraceUnreadable(
            "What Tempo answered is no trace. See that GAUGEWAY_TEMPO_URL leads to Tempo itself."
        ) from None
    if shown is None:
        raise TraceNotFound("Tempo has no span of this trace yet. Try again in a few seconds.")
    return shown
