from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from stack.requests import Request, send
from stack.traffic import Bounds, Scenarios, drive, main
from tests.stack.conftest import free_ports


class Gateway:
    """Answers as the service does, and remembers who asked for what."""

    def __init__(self) -> None:
        self.keys: Counter[str] = Counter()
        self.bodies: list[bytes] = []
        self.at_once = 0
        self.most_at_once = 0
        self.delay = 0.0
        self.left = asyncio.Event()

    async def chat(self, request: web.Request) -> web.StreamResponse:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._answer(request)
        finally:
            self.at_once -= 1

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(self.delay)
        self.keys[request.headers["authorization"]] += 1
        raw = await request.read()
        self.bodies.append(raw)
        try:
            body = json.loads(raw)
        except ValueError:
            return web.json_response({"error": {}}, status=400, headers={"x-trace-id": "b" * 32})
        if body.get("stream"):
            return await self._stream(request)
        headers = {"x-trace-id": "a" * 32, "x-gaugeway-cost-usd": "0.00001"}
        return web.json_response({"choices": []}, headers=headers)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"x-trace-id": "c" * 32})
        answer.content_type = "text/event-stream"
        await answer.prepare(request)
        try:
            for word in ("one ", "two ", "three "):
                chunk = {"choices": [{"delta": {"content": word}}]}
                await answer.write(f"data: {json.dumps(chunk)}\n\n".encode())
                await asyncio.sleep(0.02)
            await answer.write(b": gaugeway-cost-usd=0.0000752\n\ndata: [DONE]\n\n")
        except ConnectionError:
            self.left.set()
        return answer


@pytest.fixture
async def gateway() -> Gateway:
    return Gateway()


@pytest.fixture
async def url(gateway: Gateway) -> AsyncGenerator[str]:
    app = web.Application()
    app.add_routes(
        [web.post("/v1/chat/completions", gateway.chat), web.post("/v1/embeddings", gateway.chat)]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_ports().service
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}"
    await runner.cleanup()


def scenarios(seed: int, *, control: bool = True) -> Scenarios:
    return Scenarios(random.Random(seed), control=control)


def _long(drawn: Scenarios, count: int) -> list[Request]:
    requests = [drawn.draw() for _ in range(count)]
    return [request for request in requests if request.name == "long prompt"]


def test_the_same_seed_draws_the_same_requests() -> None:
    one, other = scenarios(7), scenarios(7)
    assert [one.draw() for _ in range(200)] == [other.draw() for _ in range(200)]


def test_traffic_is_varied() -> None:
    drawn = scenarios(7)
    names = {drawn.draw().name for _ in range(1000)}
    assert {"plain", "stream", "embeddings", "cached", "fallback", "bad key"} <= names
    assert {"retried", "provider fault", "slow", "client leaves", "stream cut"} <= names


def test_prompts_are_of_every_size_that_dashboards_tell_apart() -> None:
    drawn = scenarios(7)
    prompts = [len(request.body["messages"][0]["content"]) for request in _long(drawn, 1000)]
    tokens = [characters // 4 for characters in prompts]
    assert min(tokens) < 10_000 < max(tokens)
    assert len(tokens) < 100


def test_without_control_nobody_is_asked_for_faults() -> None:
    drawn = scenarios(7, control=False)
    assert all("x-gaugeway-simulate" not in drawn.draw().headers for _ in range(500))


@pytest.mark.parametrize(("rate", "seconds"), [(0, 1), (-1, 1), (1000, 1), (1, 0), (1, 1e9)])
def test_traffic_without_bounds_is_refused(rate: float, seconds: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        Bounds(rate, seconds)


async def test_every_request_is_answered_before_the_drive_ends(gateway: Gateway, url: str) -> None:
    rng = random.Random(3)
    report = await drive(url, ["one", "two"], Bounds(100, 0.5), Scenarios(rng, control=False), rng)
    assert 0 < report.requests <= 50
    assert gateway.keys.total() == report.requests
    assert {"Bearer one", "Bearer two"} <= set(gateway.keys)
    assert gateway.at_once == 0


async def test_a_slow_service_is_never_asked_ever_more_at_once(gateway: Gateway, url: str) -> None:
    gateway.delay = 0.5
    rng = random.Random(3)
    await drive(url, ["key"], Bounds(200, 1), Scenarios(rng, control=False), rng)
    assert gateway.most_at_once <= 64


async def test_a_drive_that_is_called_off_leaves_no_request_behind(
    gateway: Gateway, url: str
) -> None:
    gateway.delay = 2.0
    rng = random.Random(3)
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, said: complaints.append(said))
    before = asyncio.all_tasks()
    driving = asyncio.create_task(
        drive(url, ["key"], Bounds(100, 60), Scenarios(rng, control=False), rng)
    )
    async with asyncio.timeout(5):
        while not gateway.at_once:
            await asyncio.sleep(0.01)
    driving.cancel()
    await asyncio.gather(driving, return_exceptions=True)
    sending = {
        task
        for task in asyncio.all_tasks() - before
        if getattr(task.get_coro(), "__name__", "") == "send"
    }
    assert not sending
    assert not complaints


async def test_a_dead_service_is_reported_not_raised() -> None:
    rng = random.Random(3)
    url = f"http://127.0.0.1:{free_ports().service}"
    report = await drive(url, ["key"], Bounds(20, 0.2), Scenarios(rng, control=False), rng)
    assert {status for _, status in report.outcomes} == {0}


async def test_the_cost_of_a_stream_is_read_from_its_comment(url: str) -> None:

    async with aiohttp.ClientSession() as session:
        answer = await send(session, url, "key", Request("stream", body={"stream": True}))
    assert (answer.status, answer.cost, answer.text) == (200, "0.0000752", "one two three ")
    assert answer.trace_id == "c" * 32


async def test_a_client_that_leaves_closes_its_connection(gateway: Gateway, url: str) -> None:

    request = Request("leaves", body={"stream": True}, leave_after=1)
    async with aiohttp.ClientSession() as session:
        answer = await send(session, url, "key", request)
        assert answer.text == "one "
        async with asyncio.timeout(5):
            await gateway.left.wait()


async def test_a_malformed_body_is_sent_as_it_is(gateway: Gateway, url: str) -> None:

    async with aiohttp.ClientSession() as session:
        answer = await send(session, url, "key", Request("malformed", raw=b'{"model": '))
    assert (answer.status, gateway.bodies) == (400, [b'{"model": '])


async def test_the_command_prints_what_came_of_it(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = tmp_path / "key"
    key.write_text("gw_1_2\n")
    arguments = ["--url", url, "--key-file", str(key), "--rate", "20", "--seconds", "0.2"]
    assert await asyncio.to_thread(main, arguments) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["requests"] == sum(outcome["count"] for outcome in report["outcomes"])


def test_the_command_refuses_unbounded_traffic(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key").write_text("x")
    with pytest.raises(SystemExit) as ended:
        main(["--key-file", str(tmp_path / "key"), "--rate", "100000"])
    assert ended.value.code == 2
    assert "rate must be above 0" in capsys.readouterr().err
