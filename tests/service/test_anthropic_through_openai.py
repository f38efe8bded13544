"""The official OpenAI client talks to Anthropic's API through the service and cannot tell."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import openai
import pytest

from otel import names
from tests.service.providers import wire
from tests.service.providers.anthropic_wire import (
    ANSWER,
    START,
    STOP,
    TEXT_STREAM,
    block_start,
    block_stop,
    delta,
    error_body,
    message_delta,
    sse,
)
from tests.service.running import RunningService, running, settings_for, usage_records

TARGETS = """
targets:
  anthropic:
    provider: anthropic
    base_url: {url}
    retries: {{attempts: 1}}
    models:
      claude:
        model: claude-sonnet-4-5
        prices: {{input: 3, cache_read: 0.3, cache_write: 3.75, output: 15}}
"""
TOOL: Any = {
    "type": "function",
    "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}},
}
HELLO: Any = [{"role": "user", "content": "Hello"}]


@asynccontextmanager
async def peers(
    tmp_path: Path, redis_url: str
) -> AsyncGenerator[tuple[wire.Upstream, RunningService, openai.AsyncOpenAI]]:
    async with wire.upstream() as upstream:
        upstream.answers({"data": []})
        settings = settings_for(tmp_path, redis_url, check_interval_seconds=3600)
        service = running(settings, targets=TARGETS.format(url=upstream.url))
        started = await asyncio.to_thread(service.__enter__)
        try:
            async with asyncio.timeout(10):
                while not started.runtime.dependencies.complete:
                    await asyncio.sleep(0.01)
            client = openai.AsyncOpenAI(
                base_url=f"{started.url}/v1", api_key=started.key, max_retries=0
            )
            async with client:
                yield upstream, started, client
        finally:
            await asyncio.to_thread(service.__exit__, None, None, None)


async def test_a_plain_answer_is_read_and_priced_with_its_cache(
    tmp_path: Path, redis_url: str
) -> None:
    async with peers(tmp_path, redis_url) as (upstream, service, client):
        upstream.answers(ANSWER)
        answer = await client.chat.completions.create(model="claude", messages=HELLO)
        assert answer.choices[0].message.content == "Hallo Welt"
        assert answer.usage is not None
        assert answer.usage.prompt_tokens == 240
        (record,) = usage_records(service.telemetry)
        assert record["gen_ai.usage.cache_read.input_tokens"] == 200
        # Per million: 10 at 3, 200 read from the cache at 0.30, 30 written at 3.75, 5 at 15.
        assert Decimal(record["gaugeway.cost"]) == Decimal("0.0002775")


async def test_a_stream_is_put_together_with_its_usage(tmp_path: Path, redis_url: str) -> None:
    async with peers(tmp_path, redis_url) as (upstream, service, client):
        upstream.streams(TEXT_STREAM)
        stream = await client.chat.completions.create(
            model="claude",
            messages=HELLO,
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = [chunk async for chunk in stream]
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        assert text == "Grüß Gott"
        assert chunks[-1].usage is not None
        assert chunks[-1].usage.completion_tokens == 15
        assert service.telemetry.value(names.STREAMS, gaugeway_stream_outcome="completed") == 1


async def test_a_streamed_tool_call_is_put_together(tmp_path: Path, redis_url: str) -> None:
    async with peers(tmp_path, redis_url) as (upstream, _, client):
        use = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": None}
        pieces = ['{"city"', ': "Rom"}']
        upstream.streams(
            [
                START,
                block_start(0, use),
                *(delta(0, {"type": "input_json_delta", "partial_json": p}) for p in pieces),
                block_stop(0),
                message_delta("tool_use", output_tokens=9),
                STOP,
            ]
        )
        async with client.chat.completions.stream(
            model="claude", messages=HELLO, tools=[TOOL]
        ) as stream:
            answer = await stream.get_final_completion()
        [call] = answer.choices[0].message.tool_calls or []
        assert json.loads(call.function.arguments) == {"city": "Rom"}
        assert answer.choices[0].finish_reason == "tool_calls"


async def test_overload_before_and_amid_a_stream_is_the_clients_own_exception(
    tmp_path: Path, redis_url: str
) -> None:
    async with peers(tmp_path, redis_url) as (upstream, _, client):
        upstream.answers(error_body("overloaded_error"), status=529)
        with pytest.raises(openai.InternalServerError) as caught:
            await client.chat.completions.create(model="claude", messages=HELLO, stream=True)
        assert caught.value.status_code == 503
        upstream.streams([*TEXT_STREAM[:4], sse("error", error_body("overloaded_error"))])
        stream = await client.chat.completions.create(model="claude", messages=HELLO, stream=True)
        with pytest.raises(openai.APIError) as midway:
            _ = [chunk async for chunk in stream]
        assert midway.value.code == "provider_overloaded"
