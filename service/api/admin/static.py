"""`GET /static/…`: the pages' styles and scripts. They are the same for everybody."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.errors import NotFound
from service.web.static_files import PREFIX, static_files

router = APIRouter()

FOR_EVER = "public, max-age=31536000, immutable"
ASK_AGAIN = "no-cache"


@router.get(PREFIX + "{name:path}", include_in_schema=False)
async def static_file(request: Request, name: str) -> Response:
    """One file; what is asked for by its version may be kept for ever."""
    files = await asyncio.to_thread(static_files)
    found = files.get(name)
    if found is None:
        raise NotFound("There is no such file.")
    tag = f'"{found.version}"'
    versioned = request.query_params.get("v") == found.version
    headers = {
        "cache-control": FOR_EVER if versioned else ASK_AGAIN,
        "etag": tag,
        "x-content-type-options": "nosniff",
    }
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(found.content, headers=headers, media_type=found.media_type)
