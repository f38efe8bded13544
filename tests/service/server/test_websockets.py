"""WebSockets are taken where the application serves them, and there alone."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from fastapi import APIRouter, FastAPI, Request, WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from service.server.options import STATE_KEY, ServerOptions
from service.server.protocol import HttpProtocol
from service.server.websockets import websocket_paths
from tests.service.server.raw_client import Conversation, converse, head

ASKS = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
TEXT_HI = b"\x81\x82\x00\x00\x00\x00hi"

router = APIRouter(prefix="/v1")


@router.websocket("/sessions/{name}")
async def session(websocket: WebSocket, name: str) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(f"{name}: {text}")


@router.post("/echo")
@router.post("/sessions/{name}")
async def echo(request: Request) -> dict[str, str]:
    return {"body": (await request.body()).decode()}


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[Mapping[str, Any]]:
    yield {STATE_KEY: ServerOptions(serves_websocket=websocket_paths(app))}


@pytest.fixture
async def port() -> AsyncGenerator[int]:
    app = FastAPI(lifespan=lifespan, telemetry={"auto_configure": False})
    app.include_router(router)
    config = uvicorn.Config(app, http=HttpProtocol, log_config=None, ws="websockets-sansio")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:
            assert not task.done()
            await asyncio.sleep(0.01)
        yield listener.getsockname()[1]
        server.should_exit = True
        await task


async def said(port: int, *segments: bytes, answers: int = 1) -> Conversation:
    return await asyncio.to_thread(converse, port, segments, answers=answers)


async def test_a_websocket_is_served_at_its_path(port: int) -> None:
    async with connect(f"ws://127.0.0.1:{port}/v1/sessions/a%20b") as client:
        for _ in range(3):
            await client.send("hello")
            assert await client.recv() == "a b: hello"


async def test_elsewhere_the_wish_is_ignored(port: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"ws://127.0.0.1:{port}/v1/echo")
    assert refused.value.response.status_code == 405


@pytest.mark.parametrize("path", [b"/v1/echo", b"/v1/sessions/a"])
async def test_a_post_keeps_its_body_everywhere(port: int, path: bytes) -> None:
    first = head(*ASKS, b"Content-Length: 5", line=b"POST " + path + b" HTTP/1.1")
    for segments in ((first, b"hello"), (first + b"hello",)):
        assert (await said(port, *segments)).only.body == b'{"body":"hello"}'


async def test_a_get_with_a_body_is_no_websocket(port: int) -> None:
    line = b"GET /v1/sessions/a HTTP/1.1"
    inner = b"GET /v1/echo HTTP/1.1\r\nHost: x\r\n\r\n"
    found = await said(port, head(*ASKS, b"Content-Length: %d" % len(inner), line=line), inner)
    assert found.statuses == [405]
    found = await said(port, head(*ASKS, b"Transfer-Encoding: chunked", line=line), b"0\r\n\r\n")
    assert found.statuses == [405]


async def test_another_protocol_is_not_taken_at_a_websockets_path(port: int) -> None:
    line = b"GET /v1/sessions/a HTTP/1.1"
    found = await said(port, head(b"Connection: Upgrade", b"Upgrade: h2c", line=line))
    assert found.statuses == [405]


async def test_frames_that_come_with_the_head_are_not_lost(port: int) -> None:
    request = head(*ASKS, line=b"GET /v1/sessions/a HTTP/1.1") + TEXT_HI
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    received = b""
    async with asyncio.timeout(5):
        while b"a: hi" not in received:
            received += await reader.read(1000)
    assert received.startswith(b"HTTP/1.1 101")
    writer.close()


async def test_a_websocket_asked_for_behind_an_unanswered_request_is_none(port: int) -> None:
    first = head(b"Content-Length: 2", line=b"POST /v1/echo HTTP/1.1") + b"hi"
    found = await said(port, first + head(*ASKS, line=b"GET /v1/sessions/a HTTP/1.1"), answers=2)
    assert found.statuses == [200, 405]


async def test_nothing_is_a_websocket_where_the_application_names_no_paths() -> None:
    assert not ServerOptions().serves_websocket("/v1/sessions/a")
