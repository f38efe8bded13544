from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest

from service.errors import (
    ProviderError,
    ProviderFailed,
    ProviderInvalidResponse,
    ProviderModelMissing,
    ProviderOverloaded,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderRejected,
    ProviderRequestTooLarge,
    ProviderStreamInterrupted,
    ProviderUnauthorized,
    ProviderUnsupported,
)
from service.providers.anthropic import AnthropicProvider, anthropic
from service.providers.anthropic_request import messages_request
from service.providers.protocol import Call
from service.providers.transport import AiohttpTransport
from service.routing import falls_back
from service.targets import TargetsError
from service.tokens import Usage
from tests.service.providers import wire

ANSWER: dict[str, Any] = {
    "id": "msg_01X",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "Hallo"}, {"type": "text", "text": " Welt"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 10,
        "cache_read_input_tokens": 200,
        "cache_creation_input_tokens": 30,
        "output_tokens": 5,
    },
}


@pytest.fixture
def provider(transport: AiohttpTransport, upstream: wire.Upstream) -> AnthropicProvider:
    return anthropic(wire.connection(upstream.url, provider="anthropic"), transport)


def request(**body: Any) -> dict[str, Any]:
    body.setdefault("messages", [{"role": "user", "content": "Hi"}])
    return messages_request(body, model="claude", max_tokens=4096, target="a")


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


class TestRequest:
    def test_the_smallest_request_gets_the_limit_the_api_demands(self) -> None:
        assert request() == {
            "model": "claude",
            "max_tokens": 4096,
            "messages": [{"role": "user", "content": [text("Hi")]}],
        }

    @pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
    def test_the_callers_limit_wins(self, name: str) -> None:
        assert request(**{name: 7})["max_tokens"] == 7

    def test_system_and_developer_messages_become_the_system_prompt(self) -> None:
        found = request(
            messages=[
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": "Hi"},
                {"role": "developer", "content": [text("Be kind.")]},
            ]
        )
        assert found["system"] == [text("Be brief."), text("Be kind.")]
        assert found["messages"] == [{"role": "user", "content": [text("Hi")]}]

    def test_sampling_and_stops_are_translated_and_what_has_no_word_is_left_out(self) -> None:
        found = request(
            temperature=1.7, top_p=0.9, stop="END", seed=7, presence_penalty=1, user="u-1"
        )
        del found["messages"], found["model"], found["max_tokens"]
        assert found == {"temperature": 1, "top_p": 0.9, "stop_sequences": ["END"]}

    def test_images_become_sources(self) -> None:
        parts = [
            text("What is it?"),
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0="}},
            {"type": "image_url", "image_url": {"url": "https://example.org/cat.jpg"}},
        ]
        [message] = request(messages=[{"role": "user", "content": parts}])["messages"]
        assert message["content"][1:] == [
            {
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0="},
            },
            {"type": "image", "source": {"type": "url", "url": "https://example.org/cat.jpg"}},
        ]

    def test_a_conversation_with_tools_keeps_its_turns(self) -> None:
        calls = [
            {
                "id": f"call_{city}",
                "type": "function",
                "function": {"name": "weather", "arguments": json.dumps({"city": city})},
            }
            for city in ("Rom", "Bern")
        ]
        found = request(
            messages=[
                {"role": "user", "content": "Weather?"},
                {"role": "assistant", "content": None, "tool_calls": calls},
                {"role": "tool", "tool_call_id": "call_Rom", "content": "sun"},
                {"role": "tool", "tool_call_id": "call_Bern", "content": [text("rain")]},
                {"role": "user", "content": "Thanks"},
            ]
        )
        assert [message["role"] for message in found["messages"]] == ["user", "assistant", "user"]
        assert found["messages"][1]["content"][1] == {
            "type": "tool_use",
            "id": "call_Bern",
            "name": "weather",
            "input": {"city": "Bern"},
        }
        assert found["messages"][2]["content"] == [
            {"type": "tool_result", "tool_use_id": "call_Rom", "content": "sun"},
            {"type": "tool_result", "tool_use_id": "call_Bern", "content": [text("rain")]},
            text("Thanks"),
        ]

    def test_tools_become_input_schemas(self) -> None:
        schema = {"type": "object", "properties": {"city": {"type": "string"}}}
        tool = {"name": "weather", "description": "Says it.", "parameters": schema, "strict": True}
        found = request(
            tools=[
                {"type": "function", "function": tool},
                {"type": "function", "function": {"name": "now"}},
            ]
        )
        assert found["tools"] == [
            {
                "name": "weather",
                "description": "Says it.",
                "input_schema": schema,
                "strict": True,
            },
            {"name": "now", "input_schema": {"type": "object", "properties": {}}},
        ]

    @pytest.mark.parametrize(
        ("choice", "wanted"),
        [
            (None, {"type": "auto"}),
            ("auto", {"type": "auto"}),
            ("none", {"type": "none"}),
            ("required", {"type": "any"}),
            ({"type": "function", "function": {"name": "f"}}, {"type": "tool", "name": "f"}),
        ],
    )
    def test_tool_choices_are_translated(self, choice: object, wanted: object) -> None:
        tools = [{"type": "function", "function": {"name": "f"}}]
        assert request(tools=tools, tool_choice=choice)["tool_choice"] == wanted

    def test_one_tool_at_a_time_is_translated(self) -> None:
        tools = [{"type": "function", "function": {"name": "f"}}]
        found = request(tools=tools, parallel_tool_calls=False)
        assert found["tool_choice"] == {"type": "auto", "disable_parallel_tool_use": True}

    def test_a_json_schema_becomes_the_output_format(self) -> None:
        schema: dict[str, Any] = {"type": "object", "properties": {}}
        form: dict[str, Any] = {
            "type": "json_schema",
            "json_schema": {"name": "x", "schema": schema},
        }
        found = request(response_format=form)["output_config"]
        assert found == {"format": {"type": "json_schema", "schema": schema}}

    @pytest.mark.parametrize(
        ("body", "param"),
        [
            ({"n": 2}, "n"),
            ({"response_format": {"type": "json_object"}}, "response_format"),
            ({"tools": [{"type": "custom", "custom": None}]}, "tools"),
            (
                {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
                "messages",
            ),
        ],
    )
    def test_what_would_change_the_meaning_is_refused_so_that_another_target_may_take_it(
        self, body: dict[str, Any], param: str
    ) -> None:
        with pytest.raises(ProviderUnsupported) as caught:
            request(**body)
        assert caught.value.param == param
        assert caught.value.status == 400
        assert falls_back(caught.value)
        assert not caught.value.retryable

    @pytest.mark.parametrize("arguments", ["{", "[]", "7"])
    def test_tool_arguments_that_are_no_object_are_the_callers_mistake(
        self, arguments: str
    ) -> None:
        call = {"id": "c", "function": {"name": "f", "arguments": arguments}}
        with pytest.raises(ProviderRejected, match="arguments of a tool call"):
            request(messages=[{"role": "assistant", "tool_calls": [call]}])

    @pytest.mark.parametrize("url", ["data:,x", "data:image/png,x", "data:;base64,x"])
    def test_a_data_url_of_another_form_is_the_callers_mistake(self, url: str) -> None:
        part = {"type": "image_url", "image_url": {"url": url}}
        with pytest.raises(ProviderRejected, match="data URL"):
            request(messages=[{"role": "user", "content": [part]}])


class TestPlain:
    async def test_the_request_carries_key_and_version(
        self, provider: AnthropicProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers(ANSWER)
        await provider.complete(wire.chat())
        [seen] = upstream.seen
        assert seen.path == "/v1/messages"
        assert seen.headers["x-api-key"] == wire.SECRET
        assert seen.headers["anthropic-version"] == "2023-06-01"
        assert "stream" not in seen.body

    async def test_the_answer_is_openais_with_cached_input_inside_input(
        self, provider: AnthropicProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers(ANSWER)
        answer = await provider.complete(wire.chat())
        assert answer.encoded is None
        assert answer.body["object"] == "chat.completion"
        assert answer.body["choices"] == [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hallo Welt", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ]
        assert answer.usage == Usage(240, 5, cache_read_tokens=200, cache_write_tokens=30)
        assert answer.body["usage"]["prompt_tokens"] == 240
        assert answer.body["usage"]["total_tokens"] == 245
        assert answer.id == "msg_01X"
        assert answer.model == "claude-sonnet-4-5-20250929"

    async def test_tool_uses_become_tool_calls(
        self, provider: AnthropicProvider, upstream: wire.Upstream
    ) -> None:
        use = {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Köln"}}
        upstream.answers({**ANSWER, "content": [use], "stop_reason": "tool_use"})
        answer = await provider.complete(wire.chat())
        [choice] = answer.body["choices"]
        assert choice["finish_reason"] == "tool_calls"
        assert choice["message"]["content"] is None
        [call] = choice["message"]["tool_calls"]
        assert call["id"] == "toolu_1"
        assert json.loads(call["function"]["arguments"]) == {"city": "Köln"}

    @pytest.mark.parametrize(
        ("reason", "wanted"),
        [
            ("end_turn", "stop"),
            ("stop_sequence", "stop"),
            ("max_tokens", "length"),
            ("model_context_window_exceeded", "length"),
            ("refusal", "content_filter"),
            ("something_new", "stop"),
        ],
    )
    async def test_stop_reasons_become_finish_reasons(
        self, provider: AnthropicProvider, upstream: wire.Upstream, reason: str, wanted: str
    ) -> None:
        upstream.answers({**ANSWER, "stop_reason": reason})
        assert (await provider.complete(wire.chat())).finish_reasons == (wanted,)

    @pytest.mark.parametrize("body", [{}, {"type": "message"}, b"<html>", []])
    async def test_what_is_no_message_is_an_invalid_response(
        self, provider: AnthropicProvider, upstream: wire.Upstream, body: object
    ) -> None:
        upstream.answers(body)
        with pytest.raises(ProviderInvalidResponse):
            await provider.complete(wire.chat())

    async def test_embeddings_are_not_supported(self, provider: AnthropicProvider) -> None:
        with pytest.raises(ProviderUnsupported, match="embeddings"):
            await provider.complete(Call("embeddings", "claude", {"input": "x"}))

    def test_an_option_that_does_not_exist_is_told(self, transport: AiohttpTransport) -> None:
        with pytest.raises(TargetsError, match="options is not valid"):
            anthropic(wire.connection(None, provider="anthropic", tea=1), transport)


ERRORS = [
    (400, "invalid_request_error", ProviderRejected),
    (401, "authentication_error", ProviderUnauthorized),
    (402, "billing_error", ProviderQuotaExhausted),
    (403, "permission_error", ProviderUnauthorized),
    (404, "not_found_error", ProviderModelMissing),
    (413, "request_too_large", ProviderRequestTooLarge),
    (429, "rate_limit_error", ProviderRateLimited),
    (500, "api_error", ProviderFailed),
    (504, "timeout_error", ProviderFailed),
    (529, "overloaded_error", ProviderOverloaded),
]


def error_body(kind: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": "Said so."}, "request_id": "r"}


class TestErrors:
    @pytest.mark.parametrize(("status", "code", "kind"), ERRORS)
    async def test_each_error_answer_is_the_error_it_means(
        self,
        provider: AnthropicProvider,
        upstream: wire.Upstream,
        status: int,
        code: str,
        kind: type[ProviderError],
    ) -> None:
        upstream.answers(error_body(code), status=status, headers={"retry-after": "3"})
        with pytest.raises(ProviderError) as caught:
            await provider.complete(wire.chat())
        assert type(caught.value) is kind
        assert caught.value.upstream_status == status
        assert caught.value.upstream_code == code
        assert caught.value.retry_after == 3

    @pytest.mark.parametrize(("status", "code", "kind"), ERRORS)
    async def test_an_error_event_midway_means_the_same(
        self,
        provider: AnthropicProvider,
        upstream: wire.Upstream,
        status: int,
        code: str,
        kind: type[ProviderError],
    ) -> None:
        upstream.streams([START, sse("error", error_body(code))])
        stream = provider.stream(wire.chat())
        await anext(stream)
        with pytest.raises(ProviderError) as caught:
            await anext(stream)
        assert type(caught.value) is kind
        assert caught.value.upstream_status == status


def sse(kind: str, body: dict[str, Any]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **body})}\n\n".encode()


START = sse(
    "message_start",
    {
        "message": {
            "id": "msg_01X",
            "model": "claude-sonnet-4-5-20250929",
            "usage": {"input_tokens": 10, "cache_read_input_tokens": 200, "output_tokens": 1},
        }
    },
)
PING = sse("ping", {})


def block_start(index: int, block: dict[str, Any]) -> bytes:
    return sse("content_block_start", {"index": index, "content_block": block})


def delta(index: int, body: dict[str, Any]) -> bytes:
    return sse("content_block_delta", {"index": index, "delta": body})


def block_stop(index: int) -> bytes:
    return sse("content_block_stop", {"index": index})


def message_delta(reason: str, **usage: int | None) -> bytes:
    return sse("message_delta", {"delta": {"stop_reason": reason}, "usage": usage})


STOP = sse("message_stop", {})
TEXT_STREAM = [
    START,
    block_start(0, text("")),
    PING,
    delta(0, {"type": "text_delta", "text": "Grüß"}),
    delta(0, {"type": "text_delta", "text": " Gott"}),
    block_stop(0),
    message_delta("end_turn", output_tokens=15, cache_creation_input_tokens=None),
    STOP,
]


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
