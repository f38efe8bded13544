"""The least that does a gateway's work: FastAPI passes a body on with aiohttp, and the answer back.

What everything else is measured against. Run as `uvicorn --factory bench.bare_proxy:create_app`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
from fastapi import FastAPI, Request, Response

UPSTREAM = "BENCH_UPSTREAM"
"""Names the variable that holds the provider's base URL."""


def create_app() -> FastAPI:
    """The proxy as an ASGI app."""
    target = os.environ[UPSTREAM] + "/chat/completions"

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with aiohttp.ClientSession() as session:
            app.state.session = session
            yield

    app = FastAPI(lifespan=lifespan, telemetry={"auto_configure": False})

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "up"}

    @app.post("/v1/chat/completions")
    async def chat(request: Request) -> Response:
        session: aiohttp.ClientSession = request.app.state.session
        headers = {"content-type": "application/json"}
        async with session.post(target, data=await request.body(), headers=headers) as answer:
            return Response(
                await answer.read(), status_code=answer.status, media_type=answer.content_type
            )

    return app
