"""What providers say of their limits reaches the answer, the first chunk and the error."""

from __future__ import annotations

import pytest
from multidict import CIMultiDict

from service.errors import ProviderRateLimited
from service.providers.anthropic import AnthropicProvider, anthropic
from service.providers.openai import OpenAIProvider, openai
from service.providers.rate_limit_headers import ANTHROPIC, OPENAI, rate_limits_of
from service.providers.transport import AiohttpTransport
from service.rate_limits import RateLimit
from tests.service.providers import anthropic_wire, openai_wire, wire

# As OpenAI documents them.
OPENAI_HEADERS = {
    "x-ratelimit-limit-requests": "5000",
    "x-ratelimit-limit-tokens": "160000",
    "x-ratelimit-remaining-requests": "4999",
    "x-ratelimit-remaining-tokens": "149984",
    "x-ratelimit-reset-requests": "12ms",
    "x-ratelimit-reset-tokens": "6m0s",
}
OPENAI_TOLD = (RateLimit("requests", 4999, 5000), RateLimit("tokens", 149984, 160000))
# As Anthropic documents them.
ANTHROPIC_HEADERS = {
    "anthropic-ratelimit-requests-limit": "50",
    "anthropic-ratelimit-requests-remaining": "49",
    "anthropic-ratelimit-requests-reset": "2026-11-21T16:00:00Z",
    "anthropic-ratelimit-tokens-limit": "60000",
    "anthropic-ratelimit-tokens-remaining": "59000",
    "anthropic-ratelimit-input-tokens-limit": "50000",
    "anthropic-ratelimit-input-tokens-remaining": "49500",
    "anthropic-ratelimit-output-tokens-limit": "10000",
    "anthropic-ratelimit-output-tokens-remaining": "9500",
}
ANTHROPIC_TOLD = (
    RateLimit("requests", 49, 50),
    RateLimit("tokens", 59000, 60000),
    RateLimit("input_tokens", 49500, 50000),
    RateLimit("output_tokens", 9500, 10000),
)


@pytest.fixture
def of_openai(transport: AiohttpTransport, upstream: wire.Upstream) -> OpenAIProvider:
    return openai(wire.connection(upstream.url + "/v1"), transport)


@pytest.fixture
def of_anthropic(transport: AiohttpTransport, upstream: wire.Upstream) -> AnthropicProvider:
    return anthropic(wire.connection(upstream.url, provider="anthropic"), transport)


@pytest.mark.parametrize("value", ["", "-1", "1.5", "many", "100, 100;w=60", "٣", "1" * 16])
def test_a_rest_that_is_no_whole_number_is_left_out(value: str) -> None:
    headers = CIMultiDict({**OPENAI_HEADERS, "x-ratelimit-remaining-requests": value})
    assert rate_limits_of(headers, OPENAI) == (OPENAI_TOLD[1],)


def test_a_rest_without_its_limit_is_told_alone() -> None:
    headers = CIMultiDict({"X-RateLimit-Remaining-Tokens": "7"})
    assert rate_limits_of(headers, OPENAI) == (RateLimit("tokens", 7),)


def test_a_vendors_headers_say_nothing_to_the_other() -> None:
    assert rate_limits_of(CIMultiDict(ANTHROPIC_HEADERS), OPENAI) == ()
    assert rate_limits_of(CIMultiDict(OPENAI_HEADERS), ANTHROPIC) == ()


async def test_openais_answer_its_first_chunk_alone_and_its_429_tell(
    of_openai: OpenAIProvider, upstream: wire.Upstream
) -> None:
    upstream.answers(openai_wire.ANSWER, headers=OPENAI_HEADERS)
    assert (await of_openai.complete(wire.chat())).rate_limits == OPENAI_TOLD
    chunks = [openai_wire.chunk({"content": "a"}), openai_wire.chunk({}, "stop")]
    events = [*(openai_wire.event(chunk) for chunk in chunks), b"data: [DONE]\n\n"]
    upstream.streams(events, headers=OPENAI_HEADERS)
    first, second = await wire.drained(of_openai, wire.chat())
    assert (first.rate_limits, second.rate_limits) == (OPENAI_TOLD, ())
    upstream.answers({"error": {"message": "slow down"}}, status=429, headers=OPENAI_HEADERS)
    with pytest.raises(ProviderRateLimited) as refused:
        await of_openai.complete(wire.chat())
    assert refused.value.rate_limits == OPENAI_TOLD


async def test_anthropics_answer_its_first_chunk_alone_and_its_429_tell(
    of_anthropic: AnthropicProvider, upstream: wire.Upstream
) -> None:
    upstream.answers(anthropic_wire.ANSWER, headers=ANTHROPIC_HEADERS)
    assert (await of_anthropic.complete(wire.chat())).rate_limits == ANTHROPIC_TOLD
    upstream.streams(anthropic_wire.TEXT_STREAM, headers=ANTHROPIC_HEADERS)
    first, *others = await wire.drained(of_anthropic, wire.chat())
    assert first.rate_limits == ANTHROPIC_TOLD
    assert others
    assert not any(chunk.rate_limits for chunk in others)
    body = anthropic_wire.error_body("rate_limit_error")
    upstream.answers(body, status=429, headers=ANTHROPIC_HEADERS)
    with pytest.raises(ProviderRateLimited) as refused:
        await of_anthropic.complete(wire.chat())
    assert refused.value.rate_limits == ANTHROPIC_TOLD


async def test_a_provider_that_tells_nothing_is_not_made_to(
    of_openai: OpenAIProvider, upstream: wire.Upstream
) -> None:
    upstream.answers(openai_wire.ANSWER)
    assert (await of_openai.complete(wire.chat())).rate_limits == ()
