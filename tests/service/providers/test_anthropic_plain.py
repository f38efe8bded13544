from __future__ import annotations

import json

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
    ProviderUnauthorized,
    ProviderUnsupported,
)
from service.providers.anthropic import AnthropicProvider, anthropic
from service.providers.protocol import Call
from service.providers.transport import AiohttpTransport
from service.targets import TargetsError
from service.tokens import Usage
from tests.service.providers import wire
from tests.service.providers.anthropic_wire import (
    ANSWER,
    START,
    error_body,
    sse,
)


@pytest.fixture
def provider(transport: AiohttpTransport, upstream: wire.Upstream) -> AnthropicProvider:
    return anthropic(wire.connection(upstream.url, provider="anthropic"), transport)


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
