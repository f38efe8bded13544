"""The official `openai` client works against the service unchanged."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from tests.service.running import RunningService

MESSAGES: Any = [{"role": "user", "content": "Say something about traces."}]
TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "weather",
            "description": "The weather of a place",
            "parameters": {
                "type": "object",
                "properties": {"place": {"type": "string"}},
                "required": ["place"],
            },
        },
    }
]


@pytest.fixture
def client(shared: RunningService) -> OpenAI:
    return OpenAI(base_url=f"{shared.url}/v1", api_key=shared.key, max_retries=0)


@pytest.fixture
def async_client(shared: RunningService) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{shared.url}/v1", api_key=shared.key, max_retries=0)


def test_a_plain_completion_arrives_with_its_usage(client: OpenAI) -> None:
    completion = client.chat.completions.create(model="simulated", messages=MESSAGES)
    assert completion.choices[0].message.content
    assert completion.usage is not None
    assert completion.usage.total_tokens > 0


def test_headers_are_there_for_who_looks(client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(model="simulated", messages=MESSAGES)
    assert float(raw.headers["x-gaugeway-cost-usd"]) > 0
    assert len(raw.headers["x-trace-id"]) == 32
    completion: Any = raw.parse()
    assert int(raw.headers["x-gaugeway-tokens"]) == completion.usage.total_tokens


def test_a_stream_says_the_same_as_the_whole_answer(client: OpenAI) -> None:
    whole = client.chat.completions.create(model="simulated", messages=MESSAGES)
    stream = client.chat.completions.create(model="simulated", messages=MESSAGES, stream=True)
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == whole.choices[0].message.content
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)


def test_the_usage_chunk_is_there_for_who_asks(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="simulated",
        messages=MESSAGES,
        stream=True,
        stream_options={"include_usage": True},
    )
    last = list(stream)[-1]
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.total_tokens > 0


def test_tools_are_passed_through_and_called(client: OpenAI) -> None:
    completion = client.chat.completions.create(
        model="simulated", messages=MESSAGES, tools=TOOLS, tool_choice="required"
    )
    calls: Any = completion.choices[0].message.tool_calls
    assert calls[0].function.name == "weather"
    assert completion.choices[0].finish_reason == "tool_calls"


def test_tool_calls_are_streamed(client: OpenAI) -> None:
    stream = client.chat.completions.create(
        model="simulated", messages=MESSAGES, tools=TOOLS, tool_choice="required", stream=True
    )
    deltas = [chunk.choices[0].delta for chunk in stream if chunk.choices]
    assert any(delta.tool_calls for delta in deltas)


def test_embeddings_come_in_the_clients_default_encoding(client: OpenAI) -> None:
    answer = client.embeddings.create(model="simulated-embedding", input=["one", "two"])
    assert len(answer.data) == 2
    assert all(isinstance(number, float) for number in answer.data[0].embedding)
    plain = client.embeddings.create(
        model="simulated-embedding", input=["one", "two"], encoding_format="float"
    )
    assert plain.data[1].embedding == pytest.approx(answer.data[1].embedding, abs=1e-6)


def test_models_are_listed_and_looked_up(client: OpenAI) -> None:
    names = {model.id for model in client.models.list()}
    assert {"simulated", "simulated-embedding", "fallback"} <= names
    assert client.models.retrieve("simulated").id == "simulated"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("nobody")


@pytest.mark.parametrize(
    ("model", "exception", "code"),
    [
        ("nobody", openai.NotFoundError, "model_not_found"),
        ("simulated:429", openai.RateLimitError, "provider_rate_limited"),
        ("simulated:500", openai.InternalServerError, "provider_failed"),
        ("simulated:400", openai.BadRequestError, "invalid_value"),
        ("simulated-embedding", openai.BadRequestError, "model_not_supported"),
    ],
)
def test_errors_become_the_clients_own_exceptions(
    client: OpenAI, model: str, exception: type[openai.APIStatusError], code: str
) -> None:
    with pytest.raises(exception) as caught:
        client.chat.completions.create(model=model, messages=MESSAGES)
    body: Any = caught.value.body
    assert body["code"] == code
    assert body["trace_id"] == caught.value.response.headers["x-trace-id"]


def test_a_wrong_key_is_an_authentication_error(shared: RunningService) -> None:
    stranger = OpenAI(base_url=f"{shared.url}/v1", api_key="gw_00_11", max_retries=0)
    with pytest.raises(openai.AuthenticationError) as caught:
        stranger.models.list()
    assert caught.value.code == "invalid_api_key"


def test_a_stream_cut_by_the_provider_raises_in_the_client(client: OpenAI) -> None:
    stream = client.chat.completions.create(model="simulated:cut", messages=MESSAGES, stream=True)
    with pytest.raises(openai.APIError) as caught:
        for _ in stream:
            pass
    body: Any = caught.value.body
    assert body["code"] == "provider_stream_interrupted"
    assert len(body["trace_id"]) == 32


async def test_the_async_client_completes_and_streams(async_client: AsyncOpenAI) -> None:
    whole = await async_client.chat.completions.create(model="simulated", messages=MESSAGES)
    stream = await async_client.chat.completions.create(
        model="simulated", messages=MESSAGES, stream=True
    )
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert text == whole.choices[0].message.content
    await async_client.close()
