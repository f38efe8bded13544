"""The whole way: client, service and provider as three HTTP peers that can each fail."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import aiohttp
import pytest
from aiohttp import web

from otel import names
from tests.service.providers import wire
from tests.service.running import (
    RunningService,
    inference_attributes,
    running,
    settings_for,
    usage_records,
)

TARGETS = """
targets:
  remote:
    provider: openai
    provider_name: openrouter
    base_url: {url}/v1
    timeouts: {{connect: 1, read: 2, total: 10}}
    retries: {{attempts: 3, base_delay: 0.001, max_delay: 0.01}}
    models:
      remote: {{model: gpt-5-mini, prices: {{input: 1, output: 2}}}}
      either: {{model: gpt-5-mini, prices: {{input: 1, output: 2}}}}
  closed:
    provider: openai
    provider_name: ollama
    base_url: http://127.0.0.1:9/v1
    timeouts: {{connect: 1, read: 2, total: 10}}
    retries: {{attempts: 1}}
    models:
      either: {{model: llama, prices: {{input: 0, output: 0}}}}
models:
  either: [closed, remote]
"""


def event(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    body = {"id": "c-1", "model": "gpt-5-mini", "choices": [choice]}
    return f"data: {json.dumps(body)}\n\n".encode()


USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
LAST = f"data: {json.dumps({'id': 'c-1', 'choices': [], 'usage': USAGE})}\n\n".encode()
WHOLE = [event("one"), event(" two", "stop"), LAST, b"data: [DONE]\n\n"]
ANSWER = {
    "id": "c-1",
    "model": "gpt-5-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "one two"}}],
    "usage": USAGE,
}


@asynccontextmanager
async def three_peers(
    tmp_path: Path, redis_url: str
) -> AsyncGenerator[tuple[wire.Upstream, RunningService, aiohttp.ClientSession]]:
    async with wire.upstream() as upstream, aiohttp.ClientSession() as client:
        upstream.answers({"data": []})
        settings = settings_for(tmp_path, redis_url, check_interval_seconds=3600)
        service = running(settings, targets=TARGETS.format(url=upstream.url))
        started = await asyncio.to_thread(service.__enter__)
        try:
            # The provider's reachability is looked at once, before its handler is another one.
            await until(lambda: started.runtime.dependencies.complete)
            upstream.seen.clear()
            upstream.gone.clear()
            yield upstream, started, client
        finally:
            await asyncio.to_thread(service.__exit__, None, None, None)


def ask(
    client: aiohttp.ClientSession,
    service: RunningService,
    *,
    model: str = "remote",
    stream: bool = False,
    **headers: str,
) -> aiohttp.client._RequestContextManager:  # pyright: ignore[reportPrivateUsage] - its only name
    messages = [{"role": "user", "content": "Hello"}]
    return client.post(
        f"{service.url}/v1/chat/completions",
        json={"model": model, "messages": messages, "stream": stream},
        headers={"Authorization": f"Bearer {service.key}", **headers},
    )


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


async def test_an_answer_goes_through_byte_for_byte(tmp_path: Path, redis_url: str) -> None:
    async with three_peers(tmp_path, redis_url) as (upstream, service, client):
        upstream.answers(ANSWER)
        async with ask(client, service) as response:
            assert await response.read() == json.dumps(ANSWER).encode()
            assert response.headers["x-gaugeway-cost-usd"] == "0.00002"
        [seen] = upstream.seen
        assert seen.body["model"] == "gpt-5-mini"
        assert "gw_" not in json.dumps(seen.headers)


async def test_a_stream_goes_through_chunk_for_chunk(tmp_path: Path, redis_url: str) -> None:
    async with three_peers(tmp_path, redis_url) as (upstream, service, client):
        upstream.streams(WHOLE)
        async with ask(client, service, stream=True) as response:
            text = await response.read()
        assert text.startswith(WHOLE[0] + WHOLE[1] + b": gaugeway-cost-usd=0.00002\n")
        assert text.endswith(WHOLE[3])
        assert upstream.seen[-1].body["stream_options"] == {"include_usage": True}


async def test_a_client_that_leaves_closes_the_way_to_the_provider(
    tmp_path: Path, redis_url: str
) -> None:
    async with three_peers(tmp_path, redis_url) as (upstream, service, client):
        upstream.streams([event("one")], then="hang")
        async with ask(client, service, stream=True) as response:
            await response.content.readany()
            response.close()
        async with asyncio.timeout(5):
            await upstream.gone.wait()
        await until(lambda: inference_attributes(service.telemetry))
        [inference] = inference_attributes(service.telemetry)
        assert inference["gaugeway.outcome"] == "client_disconnect"


async def test_a_client_that_leaves_while_it_waits_closes_the_way_to_the_provider(
    tmp_path: Path, redis_url: str
) -> None:
    async with three_peers(tmp_path, redis_url) as (upstream, service, client):
        arrived = asyncio.Event()

        async def handle(request: web.Request) -> web.StreamResponse:
            arrived.set()
            try:
                await asyncio.sleep(30)
            except asyncio.CancelledError:
                upstream.gone.set()
                raise
            return web.json_response(ANSWER)

        upstream.handler = handle
        async with asyncio.timeout(5):
            waiting = asyncio.ensure_future(ask(client, service, stream=True))
            await arrived.wait()
            waiting.cancel()
            await upstream.gone.wait()
        await until(lambda: inference_attributes(service.telemetry))
        [inference] = inference_attributes(service.telemetry)
        assert inference["gaugeway.outcome"] == "client_disconnect"
        assert not service.runtime.in_flight
        assert service.telemetry.value(names.REQUESTS_REJECTED) == 0


async def test_a_deadline_closes_the_way_to_the_provider(tmp_path: Path, redis_url: str) -> None:
    async with three_peers(tmp_path, redis_url) as (upstream, service, client):
        upstream.streams([event("one")], then="hang")
        deadline = {"x-gaugeway-deadline-ms": "300"}
        async with ask(client, service, stream=True, **deadline) as response:
            assert b"deadline_exceeded" in await response.read()
        async with asyncio.timeout(5):
            await upstream.gone.wait()


async def test_a_429_is_tried_again_after_its_time(tmp_path: Path, redis_url: str) -> None:
    async with three_peers(tmp_path, redis_url) as (upstream, service, client):
        asked: list[float] = []
        loop = asyncio.get_running_loop()

        async def handle(request: web.Request) -> web.StreamResponse:
            asked.append(loop.time())
            if len(asked) == 1:
                return web.json_response({}, status=429, headers={"Retry-After": "0.3"})
            return web.json_response(ANSWER)

        upstream.handler = handle
        async with ask(client, service) as response:
            assert response.status == 200
        assert asked[1] - asked[0] >= 0.3
        assert service.telemetry.value(names.RETRIES, error_type="rate_limited") == 1
        assert service.telemetry.value(names.PROVIDER_ERRORS) == 1


async def test_a_provider_that_is_down_is_stepped_over(tmp_path: Path, redis_url: str) -> None:
    async with three_peers(tmp_path, redis_url) as (upstream, service, client):
        upstream.answers(ANSWER)
        async with ask(client, service, model="either") as response:
            assert response.status == 200
        down, up = inference_attributes(service.telemetry)
        assert down["error.type"] == "unreachable"
        assert up["gaugeway.outcome"] == "completed"
        assert service.telemetry.value(names.FALLBACKS) == 1


@pytest.mark.parametrize(
    ("status", "seen", "code"),
    [
        (400, 400, "provider_rejected_request"),
        (401, 502, "provider_authentication_failed"),
        (402, 503, "provider_quota_exhausted"),
        (404, 502, "provider_model_not_found"),
        (429, 429, "provider_rate_limited"),
        (500, 502, "provider_failed"),
        (503, 503, "provider_overloaded"),
    ],
)
async def test_the_client_sees_what_it_should_and_telemetry_what_was(
    tmp_path: Path, redis_url: str, status: int, seen: int, code: str
) -> None:
    async with three_peers(tmp_path, redis_url) as (upstream, service, client):
        upstream.answers({"error": {"message": "no"}}, status=status)
        for stream in (False, True):
            async with ask(client, service, stream=stream) as response:
                body = await response.json()
                assert response.status == seen
                assert body["error"]["code"] == code
                assert body["error"]["trace_id"] == response.headers["x-trace-id"]
        errors = service.telemetry.value(names.PROVIDER_ERRORS, http_response_status_code=status)
        assert errors == (6 if status in (429, 500, 503) else 2)


async def test_every_one_of_many_requests_ends_once_however_it_ends(
    tmp_path: Path, redis_url: str
) -> None:
    random = Random(7)
    count = 120

    async def handle(request: web.Request) -> web.StreamResponse:
        """Now and then refuse, cut, or send what is no chunk; mostly answer."""
        drawn = random.random()
        if drawn < 0.1:
            return web.json_response({}, status=503)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for _ in range(random.randint(1, 10)):
            await response.write(event("word"))
            await asyncio.sleep(random.random() * 0.01)
        if drawn < 0.2:
            wire.reset(request.transport)
        elif drawn < 0.3:
            await response.write(b"data: {\n\n")
        else:
            for piece in WHOLE:
                await response.write(piece)
        return response

    async def one(number: int) -> str:
        headers = {"x-gaugeway-deadline-ms": "30"} if number % 10 == 1 else {}
        async with ask(client, service, stream=True, **headers) as response:
            if number % 10 == 2:
                await response.content.readany()
                response.close()
                return "left"
            text = await response.read()
        if response.status != 200:
            return "refused"
        return "whole" if b"[DONE]" in text else "cut"

    async with three_peers(tmp_path, redis_url) as (upstream, service, client):
        upstream.handler = handle
        found = Counter(await asyncio.gather(*[one(number) for number in range(count)]))
        await until(lambda: not service.runtime.in_flight)
        spans = inference_attributes(service.telemetry)
        # Where the short deadline passed before a provider was asked, there is no inference.
        ended = len(spans)
        assert count - count / 10 <= ended <= count
        assert found["whole"] > 0
        assert found["cut"] > 0
        assert found["left"] == count / 10
        assert len(usage_records(service.telemetry)) == ended
        assert service.telemetry.value(names.STREAMS) == ended
        outcomes = Counter(span["gaugeway.outcome"] for span in spans)
        assert outcomes["completed"] >= found["whole"]
        assert "abandoned" not in outcomes
