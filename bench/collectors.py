"""Stands in for a Collector: one that takes everything, a slow one, and one that refuses."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(slots=True)
class Collector:
    """Where it listens, and how many requests came for each path."""

    url: str
    requests: Counter[str] = field(default_factory=Counter[str])


@asynccontextmanager
async def collector(*, delay: float = 0.0, status: int = 200) -> AsyncGenerator[Collector]:
    """Answer OTLP/HTTP on a free port of the loopback with `status` after `delay` seconds."""
    stand_in = Collector("")

    async def export(request: web.Request) -> web.Response:
        await request.read()
        stand_in.requests[request.path] += 1
        await asyncio.sleep(delay)
        return web.Response(status=status, content_type="application/x-protobuf")

    application = web.Application(client_max_size=64 * 2**20)
    application.router.add_post("/{path:.*}", export)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        stand_in.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield stand_in
    finally:
        await runner.cleanup()
