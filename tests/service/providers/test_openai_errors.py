from __future__ import annotations

import json

import pytest

from service.errors import (
    ProviderError,
    ProviderFailed,
    ProviderModelMissing,
    ProviderOverloaded,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderRejected,
    ProviderRequestTooLarge,
    ProviderUnauthorized,
)
from service.providers.openai import OpenAIProvider, openai
from service.providers.transport import AiohttpTransport
from tests.service.providers import wire


@pytest.fixture
def provider(transport: AiohttpTransport, upstream: wire.Upstream) -> OpenAIProvider:
    return openai(wire.connection(upstream.url + "/v1"), transport)


def openai_error(message: str, kind: str, code: str | None, param: str | None = None) -> object:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


ERRORS: list[tuple[int, object, type[ProviderError], str | None]] = [
    (400, openai_error("Bad.", "invalid_request_error", "x"), ProviderRejected, "x"),
    (401, openai_error("Bad key", "x", "invalid_api_key"), ProviderUnauthorized, "invalid_api_key"),
    (403, openai_error("Country", "x", "unsupported_country"), ProviderUnauthorized, None),
    (404, openai_error("None", "x", "model_not_found"), ProviderModelMissing, "model_not_found"),
    (413, openai_error("Big", "x", None), ProviderRequestTooLarge, "x"),
    (422, {"detail": "field required"}, ProviderRejected, None),
    (429, openai_error("Slow", "tokens", "rate_limit_exceeded"), ProviderRateLimited, None),
    (429, openai_error("Pay", "insufficient_quota", None), ProviderQuotaExhausted, None),
    (500, openai_error("Oops", "server_error", None), ProviderFailed, "server_error"),
    (503, openai_error("Later", "server_error", None), ProviderOverloaded, None),
    # OpenRouter: the code is the status, as a number.
    (
        402,
        {"error": {"code": 402, "message": "No credit"}},
        ProviderQuotaExhausted,
        None,
    ),
    (408, {"error": {"code": 408, "message": "Timed out"}}, ProviderFailed, None),
    (502, {"error": {"code": 502, "message": "Model is down"}}, ProviderFailed, None),
    # Ollama: a string, or an object with nulls.
    (404, {"error": 'model "llama9" not found, try pulling it first'}, ProviderModelMissing, None),
    # vLLM: everything at the top.
    (
        400,
        {"object": "error", "message": "too long", "type": "BadRequestError", "code": 400},
        ProviderRejected,
        "BadRequestError",
    ),
    (502, b"<html><body>502 Bad Gateway</body></html>", ProviderFailed, None),
    (500, b"\xff\xff", ProviderFailed, None),
]


class TestErrors:
    @pytest.mark.parametrize(("status", "body", "kind", "code"), ERRORS)
    async def test_each_error_answer_is_the_error_it_means(
        self,
        provider: OpenAIProvider,
        upstream: wire.Upstream,
        status: int,
        body: object,
        kind: type[ProviderError],
        code: str | None,
    ) -> None:
        upstream.answers(body, status=status)
        with pytest.raises(ProviderError) as plain:
            await provider.complete(wire.chat())
        with pytest.raises(ProviderError) as streamed:
            await wire.drained(provider, wire.chat())
        for caught in (plain.value, streamed.value):
            assert type(caught) is kind
            assert caught.upstream_status == status
            assert code is None or caught.upstream_code == code

    async def test_a_rejected_request_carries_the_providers_words_to_the_client(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        message = "This model's maximum context length is 8192 tokens."
        body = openai_error(message, "invalid_request_error", "context_length_exceeded", "messages")
        upstream.answers(body, status=400)
        with pytest.raises(ProviderRejected) as caught:
            await provider.complete(wire.chat())
        assert caught.value.status == 400
        assert caught.value.body() == body

    @pytest.mark.parametrize("status", [401, 402, 403])
    async def test_our_bad_credentials_never_look_like_the_clients(
        self, provider: OpenAIProvider, upstream: wire.Upstream, status: int
    ) -> None:
        said = f"Incorrect API key provided: {wire.SECRET}."
        upstream.answers(openai_error(said, "x", "invalid_api_key"), status=status)
        with pytest.raises(ProviderError) as caught:
            await provider.complete(wire.chat())
        error = caught.value
        assert error.status in (502, 503)
        assert error.code in ("provider_authentication_failed", "provider_quota_exhausted")
        assert error.upstream_status == status
        assert not error.retryable
        assert wire.SECRET not in json.dumps(error.body())

    @pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
    async def test_no_error_repeats_the_key(
        self, provider: OpenAIProvider, upstream: wire.Upstream, status: int
    ) -> None:
        said = f"You sent {wire.SECRET}, Bearer abc.def and sk-proj-other99_key"
        upstream.answers(openai_error(said, "x", wire.SECRET, None), status=status)
        with pytest.raises(ProviderError) as caught:
            await provider.complete(wire.chat())
        told = repr(caught.value) + json.dumps(caught.value.body()) + str(vars(caught.value))
        for secret in (wire.SECRET, "abc.def", "sk-proj-other99_key"):
            assert secret not in told

    async def test_retry_after_is_read_from_the_answer(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers({}, status=429, headers={"Retry-After": "7"})
        with pytest.raises(ProviderRateLimited) as caught:
            await provider.complete(wire.chat())
        assert caught.value.retry_after == 7
        assert caught.value.status == 429

    async def test_a_provider_can_forbid_a_retry(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers({}, status=500, headers={"x-should-retry": "false"})
        with pytest.raises(ProviderFailed) as caught:
            await provider.complete(wire.chat())
        assert not caught.value.retryable

    async def test_moderation_by_openrouter_is_about_the_request_not_the_key(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        metadata = {"reasons": ["violence"], "flagged_input": "…", "provider_name": "x"}
        body = {"error": {"code": 403, "message": "Input was flagged", "metadata": metadata}}
        upstream.answers(body, status=403)
        with pytest.raises(ProviderRejected) as caught:
            await provider.complete(wire.chat())
        assert caught.value.code == "content_policy_violation"

    async def test_an_error_inside_an_answer_of_200_is_an_error(
        self, provider: OpenAIProvider, upstream: wire.Upstream
    ) -> None:
        upstream.answers({"error": {"code": 502, "message": "Upstream model is down"}})
        with pytest.raises(ProviderFailed, match="Upstream model is down") as caught:
            await provider.complete(wire.chat())
        assert caught.value.upstream_status == 502
