from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest

from service.errors import (
    ProviderStreamInterrupted,
)
from service.providers.anthropic import AnthropicProvider, anthropic
from service.providers.transport import AiohttpTransport
from service.tokens import Usage
from tests.service.providers import wire
from tests.service.providers.anthropic_wire import (
    START,
    STOP,
    TEXT_STREAM,
    block_start,
    block_stop,
    delta,
    message_delta,
    sse,
    text,
)


@pytest.fixture
def provider(transport: AiohttpTransport, upstream: wire.Upstream) -> AnthropicProvider:
    return anthropic(wire.connection(upstream.url, provider="anthropic"), transport)


class TestStream:
    async def test_text_comes_in_openais_chunks_and_usage_where_it_is_wanted(
        self, provider: AnthropicProvider, upstream: wire.Upstream
    ) -> None:
        upstream.streams(TEXT_STREAM)
        chunks = await wire.drained(provider, wire.chat(stream_options={"include_usage": True}))
        assert upstream.seen[0].body["stream"] is True
        assert "stream_options" not in upstream.seen[0].body
        assert wire.text_of(chunks) == "Grüß Gott"
        assert chunks[0].data["choices"][0]["delta"]["role"] == "assistant"
        assert {item.data["id"] for item in chunks} == {"msg_01X"}
        assert {item.data["object"] for item in chunks} == {"chat.completion.chunk"}
        assert [item.content for item in chunks] == [False, True, True, False, False]
        assert chunks[-2].finish_reasons == ("stop",)
        assert chunks[-1].usage == Usage(210, 15, cache_read_tokens=200)
        assert chunks[-1].usage_only

    async def test_usage_is_not_sent_unasked(
        self, provider: AnthropicProvider, upstream: wire.Upstream
    ) -> None:
        upstream.streams(TEXT_STREAM)
        assert all(item.usage is None for item in await wire.drained(provider, wire.chat()))

    async def test_tool_calls_come_in_pieces_counted_from_nought(
        self, provider: AnthropicProvider, upstream: wire.Upstream
    ) -> None:
        use: dict[str, Any] = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}}
        upstream.streams(
            [
                START,
                block_start(0, text("")),
                delta(0, {"type": "text_delta", "text": "Let me see."}),
                block_stop(0),
                block_start(1, use),
                delta(1, {"type": "input_json_delta", "partial_json": ""}),
                delta(1, {"type": "input_json_delta", "partial_json": '{"city": '}),
                delta(1, {"type": "input_json_delta", "partial_json": '"Rom"}'}),
                block_stop(1),
                block_start(2, {**use, "id": "toolu_2"}),
                delta(2, {"type": "input_json_delta", "partial_json": "{}"}),
                message_delta("tool_use", output_tokens=30),
                STOP,
            ]
        )
        chunks = await wire.drained(provider, wire.chat())
        deltas = [item.data["choices"][0]["delta"] for item in chunks]
        calls = [call for item in deltas for call in item.get("tool_calls", [])]
        assert [call["index"] for call in calls] == [0, 0, 0, 1, 1]
        assert calls[0] == {
            "index": 0,
            "id": "toolu_1",
            "type": "function",
            "function": {"name": "weather", "arguments": ""},
        }
        arguments = "".join(call["function"]["arguments"] for call in calls if call["index"] == 0)
        assert json.loads(arguments) == {"city": "Rom"}
        assert chunks[-1].finish_reasons == ("tool_calls",)

    async def test_thinking_and_events_yet_unknown_are_passed_over(
        self, provider: AnthropicProvider, upstream: wire.Upstream
    ) -> None:
        upstream.streams(
            [
                START,
                block_start(0, {"type": "thinking", "thinking": ""}),
                delta(0, {"type": "thinking_delta", "thinking": "Hm."}),
                delta(0, {"type": "signature_delta", "signature": "x"}),
                sse("something_new", {"a": 1}),
                *TEXT_STREAM[1:],
            ]
        )
        assert wire.text_of(await wire.drained(provider, wire.chat())) == "Grüß Gott"

    @pytest.mark.parametrize("then", ["end", "cut"])
    async def test_a_stream_without_its_stop_is_interrupted(
        self, provider: AnthropicProvider, upstream: wire.Upstream, then: str
    ) -> None:
        upstream.streams(TEXT_STREAM[:4], then=then, pause=0.02)
        chunks, error = await wire.until_error(provider, wire.chat())
        assert isinstance(error, ProviderStreamInterrupted)
        assert wire.text_of(chunks) == "Grüß"

    async def test_closing_early_closes_the_upstream_connection_at_once(
        self, provider: AnthropicProvider, upstream: wire.Upstream
    ) -> None:
        upstream.streams(TEXT_STREAM[:4], then="hang")
        async with aclosing(provider.stream(wire.chat())) as stream:
            await anext(stream)
        async with asyncio.timeout(2):
            await upstream.gone.wait()

    async def test_reachability_asks_for_the_models(
        self, provider: AnthropicProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers({"data": []})
        await provider.check()
        assert upstream.seen[0].path == "/v1/models"
