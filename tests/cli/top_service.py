"""A stand-in for the service that `gaugeway top` asks: real HTTP, answers as a test wants them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import BaseModel

from tests.cli.top_samples import health, metrics, notable

KEY = "gw_0123456789ab_" + "0" * 64
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def document(body: BaseModel) -> web.Response:
    """A document as the service sends it."""
    return web.Response(text=body.model_dump_json(), content_type="application/json")


def refusal(status: int, message: str) -> web.Response:
    """An error as the service sends it."""
    return web.json_response({"error": {"message": message, "code": "x"}}, status=status)


@dataclass(slots=True)
class Service:
    """What it answers, by path, and what it was asked."""

    answers: dict[str, Answer] = field(default_factory=dict[str, Answer])
    asked: list[str] = field(default_factory=list[str])
    keys: set[str | None] = field(default_factory=set[str | None])
    url: str = ""

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        self.asked.append(request.path)
        self.keys.add(request.headers.get("authorization"))
        if answer := self.answers.get(request.path):
            return await answer(request)
        usual = {"/api/metrics": metrics(), "/admin/notable": notable(), "/api/health": health()}
        return document(usual[request.path])

    def answer(self, path: str, response: Callable[[], web.StreamResponse]) -> None:
        """Answer a path so from now on."""

        async def made(request: web.Request) -> web.StreamResponse:
            return response()

        self.answers[path] = made


@asynccontextmanager
async def service() -> AsyncGenerator[Service]:
    """One that is well, until the block ends."""
    standing = Service()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", standing.serve)
    server = TestServer(application)
    await server.start_server()
    standing.url = str(server.make_url("/")).rstrip("/")
    try:
        yield standing
    finally:
        await server.close()
