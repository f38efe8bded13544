"""`GET /healthz` (alive or not, open to all) and `GET /readyz` (what the service depends on)."""

from __future__ import annotations

import hmac
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from service.api import documentation as document
from service.api.context import runtime_of

router = APIRouter()


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

    503 while starting or stopping. Each dependency with its latency is shown in dev, elsewhere to
    holders of the scrape token. Nothing is checked at this moment: it tells of the last round.
    """
    runtime = runtime_of(request)
    if not runtime.ready:
        return JSONResponse({"status": "unready"}, status_code=503)
    findings = runtime.dependencies.findings
    healthy = runtime.dependencies.complete and all(finding.up for finding in findings)
    body: dict[str, Any] = {"status": "ready" if healthy else "degraded"}
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
    return JSONResponse(body)
