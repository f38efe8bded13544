"""Whatever is asked of the simulated provider, its answer is bounded and so is the work for it."""

from __future__ import annotations

import asyncio
import json
import math
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from service.errors import ProviderRejected
from service.json_weight import Weight
from service.providers.protocol import Call
from service.providers.simulated import embeddings as subject
from service.providers.simulated import provider as provider_module
from service.providers.simulated.answers import MAXIMUM_TOKENS
from tests.service.providers import wire
from tests.service.providers.simulated_calls import embed, plain, provider

HEAVY = Weight(2**20 + 1, heavy=True)
HUGE = Weight(2**23 + 1, heavy=True)


def form(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}


def said(body: Mapping[str, Any]) -> str:
    return str(body["choices"][0]["message"]["content"])


ITSELF = {"$ref": "#"}
SCHEMAS: list[dict[str, Any]] = [
    {"anyOf": [ITSELF]},
    {"oneOf": [{"anyOf": [ITSELF]}]},
    {"type": "object", "properties": {f"p{n}": ITSELF for n in range(40)}},
    {"type": "array", "minItems": 16, "items": ITSELF},
    {"type": "array", "minItems": 16, "items": {"type": "array", "minItems": 16, "items": ITSELF}},
    {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(20_000)}},
    {"const": "x" * 10**6},
    {"const": [[]] * 10**5},
    {"enum": [{"x" * 10**5: 1}]},
    {"type": "object", "properties": {"x" * 10**6: {"type": "null"}}},
]


class TestAnswers:
    @pytest.mark.parametrize("schema", SCHEMAS)
    @pytest.mark.parametrize("choices", [1, 128])
    async def test_no_schema_makes_an_answer_without_end(
        self, schema: dict[str, Any], choices: int
    ) -> None:
        body = await plain(wire.chat(response_format=form(schema), n=choices), token_ms=0)
        assert len(json.dumps(body)) < 10**6
        assert body["usage"]["completion_tokens"] <= 2 * MAXIMUM_TOKENS

    async def test_a_schema_of_usual_size_is_followed_whole(self) -> None:
        properties = {f"p{n}": {"type": "integer"} for n in range(200)}
        schema = {"type": "object", "properties": properties}
        body = await plain(wire.chat(response_format=form(schema)), token_ms=0)
        assert set(json.loads(said(body))) == set(properties)

    @pytest.mark.parametrize("choices", [1, 128])
    async def test_not_every_function_that_is_named_is_called(self, choices: int) -> None:
        tools = [{"type": "function", "function": {"name": f"f{n}"}} for n in range(1000)]
        names = " ".join(f"f{n}" for n in range(1000))
        body = await plain(wire.chat(names, tools=tools, n=choices), token_ms=0)
        for choice in body["choices"]:
            assert 1 <= len(choice["message"]["tool_calls"]) <= 16

    async def test_a_function_is_looked_for_at_the_end_of_a_long_message(self) -> None:
        tools = [{"type": "function", "function": {"name": "get_time"}}]
        long = "x" * 10**6 + " Please get time."
        body = await plain(wire.chat(long, tools=tools))
        assert body["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "get_time"

    @pytest.mark.parametrize("weight", [HEAVY, HUGE])
    async def test_a_heavy_request_has_one_answer_plain_or_streamed(self, weight: Weight) -> None:
        call = replace(wire.chat("hello", x=[[1, 2.5, None], {"a": "b"}]), weight=weight)
        other = replace(call, body={key: call.body[key] for key in reversed([*call.body])})
        first = await plain(call)
        assert first == await plain(other)
        assert said(first) == wire.text_of(await wire.drained(provider(), call))
        assert first["id"] != (await plain(wire.chat("hallo")))["id"]

    async def test_a_heavy_request_is_answered_aside(self, monkeypatch: pytest.MonkeyPatch) -> None:
        threads: list[str] = []
        answer = provider_module.answer

        def noted(*args: Any, **kwargs: Any) -> Any:
            threads.append(threading.current_thread().name)
            return answer(*args, **kwargs)

        monkeypatch.setattr(provider_module, "answer", noted)
        await plain(wire.chat())
        await plain(replace(wire.chat(), weight=HEAVY))
        assert threads[0] == threading.current_thread().name
        assert threads[1].startswith("aside")


class TestEmbeddings:
    async def numbers(self, call: Call) -> tuple[Any, Any]:
        answer = await provider().complete(call)
        assert answer.encoded is not None
        return answer.body, json.loads(answer.encoded)

    async def test_many_vectors_are_written_once_and_are_those_of_few(self) -> None:
        texts = [f"text {n}" for n in range(100)]
        body, sent = await self.numbers(embed(texts, dimensions=512))
        [few] = (await plain(embed([texts[7]], dimensions=512)))["data"]
        assert sent["data"][7] == {**few, "index": 7}
        assert len(sent["data"]) == 100
        assert {key: value for key, value in sent.items() if key != "data"} == {
            key: value for key, value in body.items() if key != "data"
        }
        assert math.isclose(sum(n * n for n in sent["data"][0]["embedding"]), 1, rel_tol=1e-5)

    async def test_many_vectors_may_be_base64_too(self) -> None:
        _, sent = await self.numbers(embed(["x"] * 100, dimensions=512, encoding_format="base64"))
        [few] = (await plain(embed("x", dimensions=512, encoding_format="base64")))["data"]
        assert sent["data"][99]["embedding"] == few["embedding"]

    @pytest.mark.parametrize("ids", [[5, 6.0], [[5, 6], [6.0]]])
    async def test_token_ids_may_be_written_as_floats(self, ids: object) -> None:
        answer = await provider().complete(embed(ids))
        assert answer.usage is not None
        assert answer.usage.input_tokens in (2, 3)

    async def test_300_000_token_ids_are_taken_and_no_more(self) -> None:
        asked = embed([list(range(146))] * 2048, dimensions=8)
        _, sent = await self.numbers(replace(asked, weight=HEAVY))
        assert sent["usage"]["prompt_tokens"] == 146 * 2048
        with pytest.raises(ProviderRejected, match="300,000"):
            await provider().complete(embed([list(range(150))] * 2048, dimensions=8))

    async def test_others_have_their_turns_while_vectors_are_computed(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        computing, may_end = threading.Event(), threading.Event()
        compute = subject.embeddings

        def waiting(*args: Any, **kwargs: Any) -> Any:
            computing.set()
            assert may_end.wait(10)
            return compute(*args, **kwargs)

        monkeypatch.setattr(provider_module, "embeddings", waiting)
        task = asyncio.create_task(provider().complete(embed(["x"] * 100, dimensions=512)))
        while not computing.is_set():
            await asyncio.sleep(0)
        may_end.set()
        assert (await task).encoded is not None
