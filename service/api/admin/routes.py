"""The operators' JSON: usage, latency, history, budgets, metrics. `AdminGuard` is before them."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel
from starlette.responses import Response

from otel import exposition
from service.api.admin import documentation as document
from service.api.admin.access import require_admin
from service.api.admin.documents import (
    BudgetsReport,
    HistoryDay,
    LatencyReport,
    MetricsReport,
    Rates,
    Worker,
)
from service.api.admin.sources import (
    BudgetStates,
    LedgerState,
    Period,
    Reader,
    budgets_of,
    ledger_of,
    readable,
    reader_of,
)
from service.api.context import runtime_of
from service.api.health import ACTIVE_SESSIONS, health_status, version
from service.ledger.documents import Day, Totals
from service.runtime import Runtime

router = APIRouter(dependencies=[Depends(require_admin)])
"""For operators alone."""

MOST_DAYS = 366
MOST_NOTABLE = 50

PeriodQuery = Annotated[Period, Query(description="In the service's time zone; weeks from Monday.")]
FromReader = Annotated[Reader, Depends(reader_of)]
FromBudgets = Annotated[BudgetStates, Depends(budgets_of)]


@router.get(
    "/admin/usage",
    summary="Usage of a period",
    response_model=None,
    responses=document.USAGE_RESPONSES,
    openapi_extra=document.SECURED,
)
async def usage(reader: FromReader, period: PeriodQuery = "today") -> Response:
    """Requests, tokens, cost and latency: as a whole, and by everything the ledger tells apart."""
    async with readable("Usage"):
        return _json(await reader.usage(period))


@router.get(
    "/admin/latency",
    summary="Latency of a period",
    response_model=None,
    responses=document.LATENCY_RESPONSES,
    openapi_extra=document.SECURED,
)
async def latency(reader: FromReader, period: PeriodQuery = "today") -> Response:
    """Average and percentiles by kind of service; cached answers count as requests do."""
    async with readable("Latency"):
        used = await reader.usage(period)
    return _json(
        LatencyReport(
            period=used.period,
            time_zone=used.time_zone,
            start=used.start,
            end=used.end,
            complete=used.complete,
            totals=used.totals.latency,
            by_service={name: totals.latency for name, totals in used.by_service.items()},
        )
    )


@router.get(
    "/admin/history",
    summary="Usage by day",
    response_model=None,
    responses=document.HISTORY_RESPONSES,
    openapi_extra=document.SECURED,
)
async def history(
    request: Request,
    reader: FromReader,
    days: Annotated[int, Query(ge=1, le=MOST_DAYS, description="How many, today included.")] = 30,
) -> Response:
    """One document a day, oldest first, days without use included.

    There are never more than `GAUGEWAY_LEDGER_DAYS`, as older days are not kept.
    """
    settings = runtime_of(request).settings
    async with readable("The history"):
        found = await reader.history(min(days, settings.ledger_days))
    return _response(await asyncio.to_thread(_days, found, settings.time_zone))


@router.get(
    "/admin/budgets",
    summary="Budgets",
    response_model=None,
    responses=document.BUDGETS_RESPONSES,
    openapi_extra=document.SECURED,
)
async def budgets(request: Request, states: FromBudgets) -> Response:
    """What each budget allows, has spent, holds for requests under way, and has left."""
    async with readable("Budgets"):
        found = await states.states()
    zone = runtime_of(request).settings.time_zone
    return _json(BudgetsReport(as_of=_now(zone), time_zone=zone, budgets=found))


@router.get(
    "/admin/notable",
    summary="Requests worth looking at",
    response_model=None,
    responses=document.NOTABLE_RESPONSES,
    openapi_extra=document.SECURED,
)
async def notable(
    reader: FromReader,
    limit: Annotated[int, Query(ge=1, le=MOST_NOTABLE, description="How many of each kind.")] = 10,
) -> Response:
    """The dearest, slowest and failed requests of the last 60 minutes, with their traces."""
    async with readable("Requests"):
        return _json(await reader.notable(limit))


@router.get(
    "/admin/metrics",
    summary="Metrics as Prometheus text",
    response_model=None,
    responses=document.PROMETHEUS_RESPONSES,
    openapi_extra=document.SECURED,
)
async def prometheus_metrics() -> Response:
    """The same as `/metrics`, of all workers, for who has an admin's key and no scrape token."""
    body, content_type = await asyncio.to_thread(exposition.render)
    return Response(body, media_type=content_type)


@router.get(
    "/api/metrics",
    summary="Metrics as JSON",
    response_model=None,
    responses=document.METRICS_RESPONSES,
    openapi_extra=document.SECURED,
)
async def json_metrics(
    request: Request,
    reader: FromReader,
    states: FromBudgets,
    ledger: Annotated[LedgerState, Depends(ledger_of)],
) -> Response:
    """Today, the present hour and minute, budgets, and the worker that answers."""
    runtime = runtime_of(request)
    settings = runtime.settings
    async with readable("Metrics"):
        today, hour, hour_before, pace, found = await asyncio.gather(
            reader.usage("today"),
            reader.hour(),
            reader.hour(1),
            reader.minute_rate(),
            states.states(),
        )
    return _json(
        MetricsReport(
            as_of=_now(settings.time_zone),
            time_zone=settings.time_zone,
            environment=settings.env,
            version=version(),
            status=health_status(runtime),
            active_sessions=ACTIVE_SESSIONS,
            today=today.totals,
            lost=today.lost,
            hour=hour,
            hour_before=hour_before,
            rates=Rates(
                requests_per_minute=pace.requests,
                errors_per_minute=pace.errors,
                error_share_today=_share(today.totals, today.totals.errors),
                cache_hit_share_today=_share(today.totals, today.totals.cache_hits),
            ),
            budgets=found,
            worker=_worker(runtime, ledger),
        )
    )


def _days(days: tuple[Day, ...], zone: str) -> bytes:
    """The days one by one: what is written at once keeps other threads waiting."""
    return b"[%s]" % b",".join(
        HistoryDay(**{name: getattr(day, name) for name in Day.model_fields}, time_zone=zone)
        .model_dump_json()
        .encode()
        for day in days
    )


def _worker(runtime: Runtime, ledger: LedgerState) -> Worker:
    return Worker(
        uptime_seconds=round(runtime.uptime_seconds, 3),
        requests_in_flight=len(runtime.in_flight),
        journal_entries=ledger.pending,
        memory_entries=ledger.held,
        lost_entries=ledger.lost,
        ledger_available=ledger.available,
    )


def _share(totals: Totals, part: int) -> float | None:
    return round(part / totals.requests, 6) if totals.requests else None


def _now(zone: str) -> str:
    return datetime.now(ZoneInfo(zone)).isoformat(timespec="milliseconds")


def _json(document: BaseModel) -> Response:
    return _response(document.model_dump_json().encode())


def _response(body: bytes) -> Response:
    # What costs change by the second; nobody between may keep them.
    return Response(body, media_type="application/json", headers={"cache-control": "no-store"})
