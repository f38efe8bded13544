from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest
from aiohttp import web

from service.errors import (
    ProviderError,
    ProviderInvalidResponse,
    ProviderStreamInterrupted,
    ProviderTimeout,
    ProviderUnreachable,
)
from service.providers.protocol import Timeouts
from service.providers.transport import AiohttpTransport, Response
from tests.service.providers import wire

QUICK = wire.QUICK


async def post(
    transport: AiohttpTransport, url: str, *, timeouts: Timeouts = QUICK, body: bytes = b"{}"
) -> Response:
    return await transport.request("POST", url, headers={}, body=body, timeouts=timeouts)


async def body_of(transport: AiohttpTransport, url: str, timeouts: Timeouts = QUICK) -> bytes:
    response = await post(transport, url, timeouts=timeouts)
    return await response.read()


async def test_bytes_go_out_and_come_back_as_they_are(
    transport: AiohttpTransport, upstream: wire.Upstream
) -> None:
    upstream.answers("grüße".encode(), headers={"X-Kind": "a"})
    response = await post(transport, upstream.url + "/v1/x", body=b'{"a":1}')
    assert response.status == 200
    assert response.headers["x-kind"] == "a"
    assert await response.read() == "grüße".encode()
    assert upstream.seen[0].path == "/v1/x"
    assert upstream.seen[0].body == {"a": 1}


async def test_one_connection_serves_one_request_after_another(
    transport: AiohttpTransport, upstream: wire.Upstream
) -> None:
    upstream.answers({})
    for _ in range(5):
        await body_of(transport, upstream.url)
    assert len({seen.port for seen in upstream.seen}) == 1


async def test_a_streams_connection_is_used_again_after_its_end_mark(
    transport: AiohttpTransport, upstream: wire.Upstream
) -> None:
    upstream.streams([b"data: x\n\n", b"data: [DONE]\n\n"])
    for _ in range(3):
        response = await post(transport, upstream.url)
        seen = b""
        async for piece in response.pieces():
            seen += piece
            if b"[DONE]" in seen:
                break
        await response.finish()
        response.close()
    assert len({seen.port for seen in upstream.seen}) == 1


async def test_finishing_a_stream_that_goes_on_waits_only_a_moment(
    transport: AiohttpTransport, upstream: wire.Upstream
) -> None:
    upstream.streams([b"data: [DONE]\n\n"], then="silence")
    response = await post(transport, upstream.url)
    await anext(response.pieces())
    async with asyncio.timeout(1):
        await response.finish()
        response.close()
        await upstream.gone.wait()


async def test_nothing_is_compressed_redirected_or_remembered(
    transport: AiohttpTransport, upstream: wire.Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    upstream.answers({}, status=307, headers={"Location": "/other", "Set-Cookie": "session=1"})
    for _ in range(2):
        assert (await post(transport, upstream.url + "/first")).status == 307
    assert [seen.path for seen in upstream.seen] == ["/first", "/first"]
    for seen in upstream.seen:
        assert seen.headers["Accept-Encoding"] == "identity"
        assert "Cookie" not in seen.headers


async def test_a_closed_port_is_unreachable(transport: AiohttpTransport) -> None:
    with contextlib.closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ProviderUnreachable, match=f"{address} cannot be reached") as caught:
            await post(transport, f"http://{address}/v1")
    assert caught.value.upstream_status is None
    assert caught.value.retryable


async def test_an_unknown_host_is_unreachable(transport: AiohttpTransport) -> None:
    with pytest.raises(ProviderUnreachable, match=r"nowhere\.invalid:80 cannot be reached"):
        await post(transport, "http://nowhere.invalid:80/v1")


@pytest.fixture
def full_backlog() -> Iterator[str]:
    """A listener that accepts nothing more: a SYN to it goes unanswered."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(contextlib.closing(socket.socket()))
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(contextlib.closing(socket.socket()))
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


async def test_the_connect_timeout_is_told_apart(
    transport: AiohttpTransport, full_backlog: str
) -> None:
    with pytest.raises(ProviderTimeout, match=r"No connection to 127.* within 0\.2 s") as caught:
        await post(transport, full_backlog, timeouts=Timeouts(connect=0.2, read=5, total=5))
    assert caught.value.timeout_kind == "connect"


async def test_the_read_timeout_is_told_apart_before_the_head(
    transport: AiohttpTransport, upstream: wire.Upstream
) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(30)
        return web.Response()

    upstream.handler = handle
    with pytest.raises(ProviderTimeout, match=r"sent nothing for 0\.2 s") as caught:
        await post(transport, upstream.url, timeouts=Timeouts(connect=1, read=0.2, total=5))
    assert caught.value.timeout_kind == "read"


async def test_the_read_timeout_is_told_apart_within_the_body(
    transport: AiohttpTransport, upstream: wire.Upstream
) -> None:
    upstream.streams([b"data: x\n\n"], then="silence")
    with pytest.raises(ProviderTimeout) as caught:
        await body_of(transport, upstream.url, Timeouts(connect=1, read=0.2, total=5))
    assert caught.value.timeout_kind == "read"


async def test_a_stream_that_drips_for_ever_meets_the_total_timeout(
    transport: AiohttpTransport, upstream: wire.Upstream
) -> None:
    upstream.streams([b"data: x\n\n"], then="hang")
    response = await post(transport, upstream.url, timeouts=Timeouts(connect=1, read=1, total=0.3))
    with pytest.raises(ProviderTimeout, match=r"did not finish within 0\.3 s") as caught:
        async for _ in response.pieces():
            pass
    assert caught.value.timeout_kind == "deadline"
    response.close()


async def test_a_reset_before_the_answer_is_unreachable(transport: AiohttpTransport) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire.reset(writer.transport)

    async with wire.raw_server(answer) as url:
        with pytest.raises(ProviderUnreachable):
            await post(transport, url)


BROKEN = {
    "a truncated chunk": b"Transfer-Encoding: chunked\r\n\r\n20\r\ndata: x",
    "chunks without the last one": b"Transfer-Encoding: chunked\r\n\r\n8\r\ndata: x\n\r\n",
    "a body shorter than its length": b"Content-Length: 100\r\n\r\ndata: x",
}


@pytest.mark.parametrize("rest", BROKEN.values(), ids=list(BROKEN))
@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
async def test_a_cut_body_is_an_interrupted_stream(
    transport: AiohttpTransport, rest: bytes, reset: bool
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + rest)
        await writer.drain()
        if reset:
            await asyncio.sleep(0.05)
            wire.reset(writer.transport)

    async with wire.raw_server(answer) as url:
        response = await post(transport, url)
        with pytest.raises(ProviderStreamInterrupted) as caught:
            await response.read()
        response.close()
    assert caught.value.upstream_status == 200


async def test_an_answer_without_end_is_refused_before_it_fills_the_memory(
    transport: AiohttpTransport, upstream: wire.Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.providers.transport.MAXIMUM_BODY", 100)
    upstream.answers(b"x" * 100)
    assert len(await body_of(transport, upstream.url)) == 100
    upstream.streams([b"x" * 60, b"x" * 60], then="hang")
    with pytest.raises(ProviderInvalidResponse, match="more than 100 bytes"):
        await body_of(transport, upstream.url)
    async with asyncio.timeout(2):
        await upstream.gone.wait()


async def test_what_is_not_http_is_an_invalid_response(transport: AiohttpTransport) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-OpenSSH_9.9\r\n\r\n")
        await writer.drain()

    async with wire.raw_server(answer) as url:
        with pytest.raises(ProviderInvalidResponse, match="is not HTTP"):
            await post(transport, url)


async def test_closing_a_response_closes_its_connection_at_once(
    transport: AiohttpTransport, upstream: wire.Upstream
) -> None:
    upstream.streams([b"data: x\n\n"], then="hang")
    response = await post(transport, upstream.url)
    await anext(response.pieces())
    response.close()
    response.close()
    async with asyncio.timeout(2):
        await upstream.gone.wait()


async def test_cancelling_a_request_closes_its_connection(
    transport: AiohttpTransport, upstream: wire.Upstream
) -> None:
    arrived = asyncio.Event()

    async def handle(request: web.Request) -> web.StreamResponse:
        arrived.set()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            upstream.gone.set()
            raise
        return web.Response()

    upstream.handler = handle
    task = asyncio.create_task(post(transport, upstream.url))
    async with asyncio.timeout(2):
        await arrived.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await upstream.gone.wait()


async def test_more_requests_than_connections_wait_their_turn() -> None:
    from service.providers.transport import open_transport

    narrow = open_transport(maximum_connections=1)
    async with wire.upstream() as server:
        server.answers({})
        answers = await asyncio.gather(*[body_of(narrow, server.url) for _ in range(5)])
    await narrow.close()
    assert answers == [b"{}"] * 5


async def test_a_full_pool_is_a_connect_timeout(upstream: wire.Upstream) -> None:
    from service.providers.transport import open_transport

    narrow = open_transport(maximum_connections=1)
    upstream.streams([b"data: x\n\n"], then="hang")
    held = await post(narrow, upstream.url)
    with pytest.raises(ProviderError) as caught:
        await post(narrow, upstream.url, timeouts=Timeouts(connect=0.2, read=5, total=5))
    held.close()
    await narrow.close()
    assert isinstance(caught.value, ProviderTimeout)
    assert caught.value.timeout_kind == "connect"
