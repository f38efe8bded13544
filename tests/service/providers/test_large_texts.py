"""Large requests to providers and large answers from them: whole, within bounds, and in slices."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from service.errors import ProviderError, ProviderInvalidResponse, ProviderRejected
from service.json_weight import HUGE_BYTES, Weight
from service.providers import http
from service.providers.answer_text import LONG_TEXT, may_hold_surrogates, parse_answer
from service.providers.anthropic import anthropic
from service.providers.anthropic_request import messages_request
from service.providers.openai import OpenAIProvider, openai
from service.providers.protocol import Call
from service.providers.transport import AiohttpTransport
from service.tokens import Usage
from tests.service.providers import wire
from tests.service.providers.openai_wire import ANSWER, DONE, chunk, event

USAGE = {"prompt_tokens": 9, "total_tokens": 9}
TOKEN = {"token": " x", "logprob": -0.125, "bytes": [32, 120]}


@pytest.fixture
def provider(transport: AiohttpTransport, upstream: wire.Upstream) -> OpenAIProvider:
    return openai(wire.connection(upstream.url + "/v1"), transport)


def embed(texts: int) -> Call:
    call = wire.chat()
    return replace(call, operation="embeddings", body={"model": "m", "input": ["x"] * texts})


def embeddings(inputs: int, dimensions: int) -> bytes:
    vector = [number / 7 for number in range(dimensions)]
    data = [{"object": "embedding", "index": n, "embedding": vector} for n in range(inputs)]
    answer = {"object": "list", "data": data, "model": "e-1", "usage": USAGE}
    return json.dumps(answer).encode()


class TestAnswers:
    @pytest.mark.parametrize("dimensions", [256, 1536, 3072])
    async def test_thousands_of_embeddings_are_passed_on_byte_by_byte(
        self, provider: OpenAIProvider, upstream: wire.Upstream, dimensions: int
    ) -> None:
        text = embeddings(300, dimensions)
        assert len(text) > LONG_TEXT
        upstream.answers(text)
        answer = await provider.complete(embed(300))
        assert answer.encoded == text
        assert answer.usage == Usage(9, 0)
        assert answer.model == "e-1"
        assert len(answer.body["data"]) == 300

    async def test_the_log_probabilities_of_thousands_of_tokens_are_no_reason_to_refuse(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        logprobs = {"content": [{**TOKEN, "top_logprobs": [TOKEN] * 20}] * 3000}
        choice = {**ANSWER["choices"][0], "logprobs": logprobs}
        text = json.dumps({**ANSWER, "choices": [choice]}).encode()
        upstream.answers(text)
        answer = await provider.complete(wire.chat())
        assert answer.encoded == text
        assert answer.usage is not None
        assert answer.finish_reasons == ("stop",)
        assert answer.body["choices"][0]["message"] == ANSWER["choices"][0]["message"]

    @pytest.mark.parametrize(
        "inner", [b"[]," * 200_000, b'{"a":1},' * 100_000, b"1," * 500_000, b"[" * 500_000]
    )
    async def test_an_answer_of_more_values_than_any_is_refused(
        self, provider: OpenAIProvider, upstream: wire.Upstream, inner: bytes
    ) -> None:
        upstream.answers(json.dumps(ANSWER).encode()[:-1] + b', "x": [' + inner + b"1]}")
        with pytest.raises(ProviderInvalidResponse):
            await provider.complete(wire.chat())

    async def test_a_long_answer_in_one_text_is_read_whole(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        said = "Seven hills, [1], {2}.\n" * 200_000
        message = {**ANSWER["choices"][0]["message"], "content": said}
        upstream.answers({**ANSWER, "choices": [{**ANSWER["choices"][0], "message": message}]})
        answer = await provider.complete(wire.chat())
        assert answer.body["choices"][0]["message"]["content"] == said

    async def test_an_anthropic_answer_as_long_is_written_in_openais_format(
        self, transport: AiohttpTransport, upstream: wire.Upstream
    ) -> None:
        said = "Seven hills.\n" * 100_000
        upstream.answers(
            {
                "type": "message",
                "id": "msg_1",
                "model": "claude",
                "content": [{"type": "text", "text": said}],
                "stop_reason": "end_turn",
                "usage": {"input_tokens": 1, "output_tokens": 2},
            }
        )
        provider = anthropic(wire.connection(upstream.url, provider="anthropic"), transport)
        answer = await provider.complete(wire.chat())
        assert answer.encoded is not None
        assert json.loads(answer.encoded) == answer.body
        assert answer.body["choices"][0]["message"]["content"] == said

    async def test_of_an_error_answer_only_the_beginning_is_read(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        sent = 0

        async def endless(request: web.Request) -> web.StreamResponse:
            nonlocal sent
            response = web.StreamResponse(status=500)
            await response.prepare(request)
            try:
                while True:
                    await response.write(b"x" * 65536)
                    sent += 65536
            except (ConnectionError, asyncio.CancelledError):
                upstream.gone.set()
                raise

        upstream.handler = endless
        with pytest.raises(ProviderError):
            await provider.complete(wire.chat())
        await asyncio.wait_for(upstream.gone.wait(), 5)
        assert http.MAXIMUM_FAILURE <= sent < 20 * http.MAXIMUM_FAILURE

    async def test_a_long_error_answer_is_understood_too(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        error = {"message": "too long", "code": "context_length_exceeded", "input": ["x"] * 30_000}
        upstream.answers({"error": error}, status=400)
        with pytest.raises(ProviderRejected) as caught:
            await provider.complete(wire.chat())
        assert caught.value.code == "context_length_exceeded"


class TestStreams:
    async def test_an_event_of_a_megabyte_is_one_chunk(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        said = "x, y, [z]\n" * 100_000
        upstream.streams([event(chunk({"content": said})), DONE])
        [found] = await wire.drained(provider, wire.chat())
        assert found.characters == len(said)
        assert found.data["choices"][0]["delta"]["content"] == said

    async def test_an_event_of_more_values_than_any_is_refused(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        data = json.dumps(chunk({"content": "x"})).encode()
        upstream.streams([b"data: " + data[:-1] + b', "x": [' + b"[]," * 200_000 + b"1]}\n\n"])
        chunks, error = await wire.until_error(provider, wire.chat())
        assert isinstance(error, ProviderInvalidResponse)
        assert chunks == []

    @pytest.mark.parametrize("line", [b"data: " + b"x" * 65530, b"x" * 65536])
    async def test_an_event_without_end_is_refused(
        self, provider: OpenAIProvider, upstream: wire.Upstream, line: bytes
    ) -> None:
        upstream.streams([line] + [line.removeprefix(b"data: ")] * 3000)
        _, error = await wire.until_error(provider, wire.chat())
        assert isinstance(error, ProviderInvalidResponse)

    async def test_events_that_come_all_at_once_leave_turns_to_others(
        self, transport: AiohttpTransport
    ) -> None:
        events = event(chunk({"content": "x"})) * 2000

        class AtOnce:
            async def pieces(self) -> AsyncGenerator[bytes, None]:
                yield events

        endpoint = http.Endpoint(
            wire.connection("http://127.0.0.1:1"),
            transport,
            base_url="",
            headers={},
            read_failure=lambda status, _: http.Failure(status),
        )
        turns = 0

        async def others() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        task = asyncio.create_task(others())
        response: Any = AtOnce()
        found = [one async for one in endpoint.events(response)]
        task.cancel()
        assert len(found) == 2000
        assert turns >= 2000 // 64


class TestRequests:
    @pytest.mark.parametrize("size", [2**20 + 1, HUGE_BYTES + 1])
    async def test_a_large_body_arrives_as_it_was(
        self, provider: OpenAIProvider, upstream: wire.Upstream, size: int
    ) -> None:
        upstream.answers(ANSWER)
        call = wire.chat("é\n" * 400_000, x=[[], {"a": [1, 2.5, None]}])
        await provider.complete(replace(call, weight=Weight(size, heavy=True)))
        assert upstream.seen[0].body == {**call.body, "model": "the-model"}
        assert int(upstream.seen[0].headers["Content-Length"]) > 2**20

    def test_the_arguments_of_tool_calls_are_bounded_together(self) -> None:
        def asked(calls: int, values: int) -> dict[str, Any]:
            arguments = json.dumps({"a": [[]] * values})
            call = {"id": "c", "function": {"name": "f", "arguments": arguments}}
            message = {"role": "assistant", "content": "x", "tool_calls": [call] * calls}
            return messages_request(
                {"messages": [message]}, model="m", max_tokens=9, target="upstream"
            )

        assert len(asked(3, 20_000)["messages"][0]["content"]) == 4
        with pytest.raises(ProviderRejected, match="arguments") as caught:
            asked(5, 20_000)
        assert caught.value.code == "invalid_tool_arguments"

    @pytest.mark.parametrize("levels", [90, 150, 199])
    def test_arguments_may_nest_as_deep_as_bodies(self, levels: int) -> None:
        deep = '{"a": ' + "[" * (levels - 1) + "]" * (levels - 1) + "}"
        call = {"id": "c", "function": {"name": "f", "arguments": deep}}
        messages = [{"role": "assistant", "content": "x", "tool_calls": [call]}]
        body = messages_request({"messages": messages}, model="m", max_tokens=9, target="upstream")
        assert json.loads(http.encode(body)) == body

    @pytest.mark.parametrize("levels", [201, 500, 5000])
    def test_arguments_that_nest_deeper_are_rejected(self, levels: int) -> None:
        deep = '{"a": ' + "[" * levels + "]" * levels + "}"
        call = {"id": "c", "function": {"name": "f", "arguments": deep}}
        messages = [{"role": "assistant", "content": "x", "tool_calls": [call]}]
        with pytest.raises(ProviderRejected):
            messages_request({"messages": messages}, model="m", max_tokens=9, target="upstream")


@pytest.mark.parametrize("length", [10, LONG_TEXT + 10])
def test_what_is_no_json_is_told_in_the_same_words_whatever_its_length(length: int) -> None:
    for text in (b"x" * length, b'{"a": ' + b" " * length, b"[" * length, b'"\xff' * length):
        with pytest.raises(ValueError, match="not JSON"):
            parse_answer(text)


@pytest.mark.parametrize("at", [0, 2**20 - 3, 2**20 - 2, 2**20 - 1, 2**20, 3 * 2**20 - 1])
@pytest.mark.parametrize("escape", [b"\\ud83d", b"\\uD83D"])
def test_an_escape_of_a_surrogate_is_found_wherever_it_stands(at: int, escape: bytes) -> None:
    assert may_hold_surrogates(b"x" * at + escape)
    assert not may_hold_surrogates(b"x" * at + b"\\u00e9")
