"""`GET /metrics`: the metrics of all workers as Prometheus text, for who cannot receive OTLP."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import Response

from otel import exposition
from service.api import documentation as document
from service.api.context import runtime_of
from service.api.health import has_scrape_token
from service.errors import InvalidApiKey, PermissionDenied

router = APIRouter()


@router.get(
    "/metrics", summary="Metrics", response_model=None, responses=document.METRICS_RESPONSES
)
async def metrics(request: Request) -> Response:
    """Written in a thread, so that a large answer does not hold up requests."""
    if not has_scrape_token(request):
        if runtime_of(request).settings.scrape_token is None:
            raise PermissionDenied(
                "Metrics are closed: set GAUGEWAY_SCRAPE_TOKEN or GAUGEWAY_SCRAPE_TOKEN_FILE."
            )
        raise InvalidApiKey("Send the scrape token as 'Authorization: Bearer …'.")
    body, content_type = await asyncio.to_thread(exposition.render)
    return Response(body, media_type=content_type)
