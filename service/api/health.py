"""`GET /healthz` (alive or not), `/readyz` (what requests need) and `/api/health` (all of it)."""

from __future__ import annotations

import functools
import hmac
import importlib.metadata
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from service.api import documentation as document
from service.api.admin import documentation as admin_document
from service.api.admin.access import require_admin
from service.api.admin.documents import Check, HealthReport, OpenHealth
from service.api.context import runtime_of
from service.dependencies import Finding
from service.errors import ServiceError
from service.runtime import Runtime

router = APIRouter()

ACTIVE_SESSIONS: Final = 0
"""Conversations under way; there are none yet."""
_TARGET: Final = "target:"
_LONGEST_PROBLEM: Final = 500
_UNTIL_REDIS: Final = (
    "It is ready again once Redis takes writes (GAUGEWAY_LEDGER_WHEN_UNAVAILABLE is stop)."
)


def has_scrape_token(request: Request) -> bool:
    """Whether the caller may see inside: in dev everyone, elsewhere who holds the scrape token."""
    settings = runtime_of(request).settings
    if settings.development:
        return True
    token = settings.scrape_token
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if token is None or scheme.lower() != "bearer":
        return False
    return hmac.compare_digest(given.strip().encode(), token.get_secret_value().encode())


@router.get(
    "/healthz", summary="Alive or not", response_model=None, responses=document.HEALTH_RESPONSES
)
async def healthz() -> JSONResponse:
    """Answers as long as the process serves requests."""
    return JSONResponse({"status": "up"})


@router.get(
    "/readyz",
    summary="Ready or not",
    response_model=None,
    responses=document.READY_RESPONSES,
)
async def readyz(request: Request) -> JSONResponse:
    """`ready`, or `degraded` while something is missing that requests can do without (both 200).

    503 while requests are refused: while starting or stopping, and while usage cannot be written to
    Redis where the operator wants nothing answered then. Each dependency with its latency is shown
    in dev, elsewhere to holders of the scrape token, and what fails of what goes on beside
    requests. Nothing is checked at this moment: it tells of the last round.
    """
    runtime = runtime_of(request)
    if not runtime.ready:
        reason = "The service is starting or stopping."
        return JSONResponse({"status": "unready", "reason": reason}, status_code=503)
    stopped = runtime.books.accounts.stopped
    findings = runtime.dependencies.findings
    healthy = (
        runtime.dependencies.complete
        and all(finding.up for finding in findings)
        and not background_problems(runtime)
    )
    body: dict[str, Any] = {"status": "ready" if healthy else "degraded"}
    if stopped is not None:
        body = {"status": "unready", "reason": f"{stopped} {_UNTIL_REDIS}"}
    if has_scrape_token(request):
        body["dependencies"] = [
            {
                "name": finding.name,
                "up": finding.up,
                "latency_ms": finding.latency_ms,
                "checked_at": finding.checked_at,
                "problem": finding.problem,
            }
            for finding in findings
        ]
        body["background"] = background_problems(runtime)
    return JSONResponse(body, status_code=200 if stopped is None else 503)


@router.get(
    "/api/health",
    summary="Health of everything",
    response_model=None,
    responses=admin_document.HEALTH_RESPONSES,
    openapi_extra=admin_document.OPEN_OR_SECURED,
)
async def api_health(request: Request) -> JSONResponse:
    """`healthy` or `degraded` with all details for operators; for anybody else `up` or `degraded`.

    Always 200 while the service serves. Nothing is checked at this moment: it tells of the last
    round.
    """
    runtime = runtime_of(request)
    try:
        await require_admin(request)
    except ServiceError:
        status: Literal["up", "degraded"] = (
            "up" if health_status(runtime) == "healthy" else "degraded"
        )
        return JSONResponse(OpenHealth(status=status).model_dump())
    return JSONResponse(health_report(runtime).model_dump())


def health_status(runtime: Runtime) -> Literal["healthy", "degraded"]:
    """Whether the service is ready and all it works with, its backends included, is up."""
    monitors = (runtime.dependencies, runtime.backends)
    healthy = (
        runtime.ready
        and all(
            monitor.complete and all(finding.up for finding in monitor.findings)
            for monitor in monitors
        )
        and not background_problems(runtime)
    )
    return "healthy" if healthy else "degraded"


def background_problems(runtime: Runtime) -> dict[str, str]:
    """What the service cannot do beside requests, by task: a file it cannot read, for one."""
    problems = ((task.name, task.problem) for task in runtime.background)
    return {name: problem[:_LONGEST_PROBLEM] for name, problem in problems if problem is not None}


def health_report(runtime: Runtime) -> HealthReport:
    """What an operator is told."""
    settings = runtime.settings
    checks = _checks(runtime.dependencies.findings)
    targets = runtime.targets.connections
    return HealthReport(
        status=health_status(runtime),
        as_of=datetime.now(ZoneInfo(settings.time_zone)).isoformat(timespec="milliseconds"),
        environment=settings.env,
        version=version(),
        uptime_seconds=round(runtime.uptime_seconds, 3),
        active_sessions=ACTIVE_SESSIONS,
        redis=checks.get("redis"),
        collector=checks.get("collector"),
        providers={name: checks.get(_TARGET + name) for name in targets},
        backends=dict.fromkeys(settings.backends) | dict(_checks(runtime.backends.findings)),
        background=background_problems(runtime),
    )


@functools.cache
def version() -> str:
    """The version of the service."""
    return importlib.metadata.version("gaugeway")


def _checks(findings: Iterable[Finding]) -> Mapping[str, Check]:
    return {
        finding.name: Check(
            up=finding.up,
            latency_ms=finding.latency_ms,
            checked_at=finding.checked_at,
            problem=finding.problem,
        )
        for finding in findings
    }
