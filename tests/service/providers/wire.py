"""Servers on loopback that speak real HTTP: scripted ones, and one that breaks the rules."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from pydantic import SecretStr

from service.errors import ProviderError
from service.providers.protocol import Call, Chunk, Provider, Timeouts
from service.targets import Connection

SECRET = "sk-test-4f9a1c77d2e84b"
QUICK = Timeouts(connect=2, read=2, total=5)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Seen:
    """One request as it arrived."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    port: int


@dataclass
class Upstream:
    """A scripted provider: `handler` answers, `seen` remembers."""

    url: str = ""
    handler: Handler | None = None
    seen: list[Seen] = field(default_factory=list[Seen])
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def answers(self, body: object, *, status: int = 200, headers: dict[str, str] | None = None):
        text = body if isinstance(body, bytes) else json.dumps(body).encode()

        async def handle(request: web.Request) -> web.StreamResponse:
            del request
            answer = {"Content-Type": "application/json", **(headers or {})}
            return web.Response(status=status, body=text, headers=answer)

        self.handler = handle

    def streams(
        self,
        pieces: Iterable[bytes],
        *,
        then: str = "end",
        pause: float = 0.0,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Send the pieces as events; `then` end the body, cut the connection, or hang."""
        sent = list(pieces)
        head = {"Content-Type": "text/event-stream", **(headers or {})}

        async def handle(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse(headers=head)
            await response.prepare(request)
            try:
                for piece in sent:
                    await response.write(piece)
                    await asyncio.sleep(pause)
                if then == "hang":
                    while True:
                        await response.write(b": still here\n\n")
                        await asyncio.sleep(0.02)
                if then == "silence":
                    await asyncio.sleep(60)
                if then == "cut":
                    reset(request.transport)
            except (ConnectionError, asyncio.CancelledError):
                self.gone.set()
                raise
            return response

        self.handler = handle


def reset(transport: asyncio.BaseTransport | None) -> None:
    """Close with a TCP reset."""
    assert isinstance(transport, asyncio.Transport)
    sock: socket.socket = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


@asynccontextmanager
async def upstream() -> AsyncGenerator[Upstream]:
    """A scripted provider on a free port."""
    state = Upstream()

    async def dispatch(request: web.Request) -> web.StreamResponse:
        text = await request.read()
        peer = request.transport.get_extra_info("peername") if request.transport else None
        state.seen.append(
            Seen(
                request.path,
                dict(request.headers),
                json.loads(text) if text else {},
                peer[1] if peer else 0,
            )
        )
        assert state.handler is not None
        return await state.handler(request)

    application = web.Application(client_max_size=2**30)
    application.router.add_route("*", "/{path:.*}", dispatch)
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    state.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield state
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_server(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncGenerator[str]:
    """A server that reads one request's head and then does as told with the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.close()
        await server.wait_closed()


def connection(
    base_url: str | None, *, provider: str = "openai", key: str | None = SECRET, **options: Any
) -> Connection:
    """A target named `upstream`."""
    return Connection(
        name="upstream",
        provider=provider,
        base_url=base_url,
        api_key=SecretStr(key) if key else None,
        options=options,
        location="targets.yaml: targets.upstream",
    )


def chat(text: str = "Hello", /, **body: Any) -> Call:
    """A chat call with one user message."""
    messages = [{"role": "user", "content": text}]
    return Call(
        operation="chat",
        model="the-model",
        body={"model": "public-name", "messages": messages, **body},
        timeout=QUICK,
        target="upstream",
    )


async def drained(provider: Provider, call: Call) -> list[Chunk]:
    """All chunks of a stream."""
    return [chunk async for chunk in provider.stream(call)]


async def until_error(provider: Provider, call: Call) -> tuple[list[Chunk], ProviderError]:
    """The chunks of a stream that fails, and what it fails with."""
    chunks: list[Chunk] = []
    try:
        async for chunk in provider.stream(call):
            chunks.append(chunk)
    except ProviderError as error:
        return chunks, error
    raise AssertionError("the stream ended without an error")


def text_of(chunks: Iterable[Chunk]) -> str:
    """The text that a client puts together from a stream."""
    return "".join(
        choice["delta"].get("content") or "" for chunk in chunks for choice in chunk.data["choices"]
    )
