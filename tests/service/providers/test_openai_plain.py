from __future__ import annotations

import json

import pytest

from service.errors import (
    ProviderError,
    ProviderInvalidResponse,
)
from service.providers.openai import OpenAIProvider, openai
from service.providers.protocol import Call
from service.providers.transport import AiohttpTransport
from service.targets import TargetsError
from service.tokens import Usage
from tests.service.providers import wire
from tests.service.providers.openai_wire import ANSWER


@pytest.fixture
def provider(transport: AiohttpTransport, upstream: wire.Upstream) -> OpenAIProvider:
    return openai(wire.connection(upstream.url + "/v1"), transport)


class TestPlain:
    async def test_the_body_goes_on_with_the_providers_model_name_and_the_key(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers(ANSWER)
        call = wire.chat("Hi ☺", temperature=0.2, tools=[{"type": "function"}], seed=7)
        await provider.complete(call)
        [seen] = upstream.seen
        assert seen.path == "/v1/chat/completions"
        assert seen.body == {**call.body, "model": "the-model"}
        assert seen.headers["Authorization"] == f"Bearer {wire.SECRET}"
        assert seen.headers["Content-Type"] == "application/json"

    async def test_the_answer_comes_back_whole_with_its_facts(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers(ANSWER)
        answer = await provider.complete(wire.chat())
        assert answer.body == ANSWER
        assert answer.encoded is not None
        assert json.loads(answer.encoded) == ANSWER
        assert answer.id == "chatcmpl-A1"
        assert answer.model == "gpt-5-mini-2025-08-07"
        assert answer.finish_reasons == ("stop",)
        assert answer.usage == Usage(
            1200,
            80,
            cache_read_tokens=1024,
            reasoning_tokens=64,
            input_audio_tokens=7,
            output_audio_tokens=5,
        )
        assert answer.attributes == {
            "openai.response.service_tier": "default",
            "openai.response.system_fingerprint": "fp_44709d6fcb",
        }

    async def test_an_answer_without_usage_says_so(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers({key: value for key, value in ANSWER.items() if key != "usage"})
        assert (await provider.complete(wire.chat())).usage is None

    async def test_embeddings_go_to_their_own_path(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        answer = {
            "object": "list",
            "data": [{"object": "embedding", "index": 0, "embedding": "AACAPw=="}],
            "model": "text-embedding-3-small",
            "usage": {"prompt_tokens": 8, "total_tokens": 8},
        }
        upstream.answers(answer)
        found = await provider.complete(
            Call("embeddings", "text-embedding-3-small", {"model": "e", "input": "x"})
        )
        assert upstream.seen[0].path == "/v1/embeddings"
        assert found.body == answer
        assert found.usage == Usage(8, 0)

    async def test_half_a_surrogate_pair_is_sent_rather_than_refused(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers(ANSWER)
        await provider.complete(wire.chat("\ud83d"))
        assert upstream.seen[0].body["messages"][0]["content"] == "\ud83d"

    @pytest.mark.parametrize(
        "text",
        [
            b"",
            b"<html>502</html>",
            b'{"choices": [',
            b"[]",
            b"\xff\xfe",
            b'{"object":"x"}',
            b'{"choices":[null]}',
            b'{"choices":[{"message":"x"}]}',
            '{"choices":[]}'.encode("utf-16"),
        ],
    )
    async def test_what_is_no_answer_is_an_invalid_response(
        self, provider: OpenAIProvider, upstream: wire.Upstream, text: bytes
    ) -> None:
        upstream.answers(text)
        with pytest.raises(ProviderInvalidResponse) as caught:
            await provider.complete(wire.chat())
        assert caught.value.retryable
        assert caught.value.upstream_status == 200

    async def test_a_redirect_is_not_followed_but_told(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers(b"", status=308, headers={"Location": "https://elsewhere"})
        with pytest.raises(ProviderInvalidResponse):
            await provider.complete(wire.chat())

    async def test_a_key_can_go_into_another_header(
        self, transport: AiohttpTransport, upstream: wire.Upstream
    ) -> None:
        upstream.answers(ANSWER)
        azure = openai(wire.connection(upstream.url, api_key_header="api-key"), transport)
        await azure.complete(wire.chat())
        assert upstream.seen[0].headers["api-key"] == wire.SECRET
        assert "Authorization" not in upstream.seen[0].headers

    def test_an_option_that_does_not_exist_is_told_with_its_place(
        self, transport: AiohttpTransport
    ) -> None:
        with pytest.raises(TargetsError, match=r"targets\.upstream\.options is not valid:\n  tea"):
            openai(wire.connection(None, tea=1), transport)


class TestCheck:
    async def test_a_list_of_models_means_reachable(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers({"data": []})
        await provider.check()
        assert upstream.seen[0].path == "/v1/models"

    async def test_no_such_address_still_means_reachable(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers({}, status=404)
        await provider.check()

    @pytest.mark.parametrize("status", [401, 402, 403, 500, 503])
    async def test_a_refusal_or_a_failure_is_raised(
        self, provider: OpenAIProvider, upstream: wire.Upstream, status: int
    ) -> None:
        upstream.answers({}, status=status)
        with pytest.raises(ProviderError):
            await provider.check()
