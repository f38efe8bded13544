from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.errors import (
    ProviderRejected,
)
from service.providers.protocol import Call
from tests.service.providers import wire
from tests.service.providers.simulated_calls import Naps, encoded, plain, provider

WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"enum": ["c", "f"]},
                "days": {"type": "integer", "minimum": 1, "maximum": 9},
            },
            "required": ["city"],
        },
    },
}


CLOCK = {"type": "function", "function": {"name": "get_time"}}


class TestAnswers:
    async def test_the_same_seed_and_prompt_give_the_same_bytes(self) -> None:
        one, two = await plain(wire.chat(), seed=3), await plain(wire.chat(), seed=3)
        assert encoded(one) == encoded(two)

    async def test_the_bytes_are_the_same_on_every_machine_and_in_every_version(self) -> None:
        # Recorded once: a change here changes what every recorded run and demo shows.
        body = await plain(wire.chat("What is a span?"), seed=7)
        assert body["id"] == "chatcmpl-sim-82104aec7914c2466bfa292f"
        assert body["choices"][0]["message"]["content"].startswith("Token careful so point counter")

    async def test_another_seed_or_prompt_gives_another_answer(self) -> None:
        bodies = [
            await plain(wire.chat(prompt), seed=seed) for prompt in ("a", "b") for seed in (1, 2)
        ]
        assert len({encoded(body["choices"]) for body in bodies}) == 4
        assert len({body["id"] for body in bodies}) == 4

    async def test_length_latency_and_usage_vary_with_the_prompt(self) -> None:
        naps = Naps()
        one = provider(naps)
        usages = [(await one.complete(wire.chat(f"Question {n}"))).usage for n in range(40)]
        assert all(usage is not None for usage in usages)
        assert len({usage.output_tokens for usage in usages if usage}) > 10
        assert 0 < sum(1 for usage in usages if usage and usage.cache_read_tokens) < 40
        assert 0 < sum(1 for usage in usages if usage and usage.reasoning_tokens) < 40
        assert len(set(naps.seconds)) > 30

    async def test_a_stream_says_what_the_plain_answer_says(self) -> None:
        call = wire.chat(stream_options={"include_usage": True})
        body = await plain(wire.chat())
        chunks = await wire.drained(provider(), call)
        assert wire.text_of(chunks) == body["choices"][0]["message"]["content"]
        assert chunks[-1].usage_only
        assert chunks[-1].data["usage"] == body["usage"]
        assert {item.data["id"] for item in chunks} == {body["id"]}
        characters = sum(item.characters for item in chunks)
        assert characters == len(body["choices"][0]["message"]["content"])

    async def test_each_content_chunk_is_one_token(self) -> None:
        body = await plain(wire.chat())
        chunks = await wire.drained(provider(), wire.chat())
        usage = body["usage"]
        reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
        sent = sum(1 for item in chunks if item.content)
        assert sent == usage["completion_tokens"] - reasoning

    async def test_usage_is_not_streamed_unasked(self) -> None:
        assert all(item.usage is None for item in await wire.drained(provider(), wire.chat()))

    async def test_n_gives_so_many_different_choices(self) -> None:
        body = await plain(wire.chat(n=3))
        assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
        assert len({choice["message"]["content"] for choice in body["choices"]}) == 3
        chunks = await wire.drained(provider(), wire.chat(n=3))
        assert {choice["index"] for item in chunks for choice in item.data["choices"]} == {0, 1, 2}

    @pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
    async def test_a_limit_cuts_the_answer_and_says_so(self, name: str) -> None:
        answer = await provider().complete(wire.chat(**{name: 4}))
        assert answer.finish_reasons == ("length",)
        assert answer.usage is not None
        assert answer.usage.output_tokens <= 4

    async def test_an_answer_ends_before_a_stop_sequence(self) -> None:
        whole = (await plain(wire.chat()))["choices"][0]["message"]["content"]
        stop = whole[10:14]
        changed = wire.chat(stop=[stop, "never said"])
        found = (await plain(changed))["choices"][0]["message"]["content"]
        assert stop not in found
        assert (await provider().complete(changed)).finish_reasons == ("stop",)

    @pytest.mark.parametrize("n", [0, -1, 129, True, "2", 1.5])
    async def test_an_absurd_n_is_rejected_as_by_a_provider(self, n: object) -> None:
        with pytest.raises(ProviderRejected) as caught:
            await plain(wire.chat(n=n))
        assert caught.value.param == "n"
        assert caught.value.status == 400

    async def test_asking_for_effort_makes_the_model_think_more(self) -> None:
        async def thought(effort: str) -> int:
            usage = (await provider().complete(wire.chat(reasoning_effort=effort))).usage
            assert usage is not None
            return usage.reasoning_tokens

        assert await thought("none") == 0
        assert await thought("high") >= 32

    async def test_a_json_schema_is_kept_to(self) -> None:
        schema = {
            "type": "object",
            "$defs": {"step": {"type": "object", "properties": {"text": {"type": "string"}}}},
            "properties": {
                "steps": {"type": "array", "items": {"$ref": "#/$defs/step"}, "minItems": 2},
                "count": {"type": "integer", "minimum": 3, "maximum": 5},
                "kind": {"anyOf": [{"const": "x"}, {"type": "null"}]},
                "sure": {"type": ["boolean", "null"]},
            },
            "required": ["steps", "count", "kind", "sure"],
        }
        form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        for prompt in "abcdef":
            body = await plain(wire.chat(prompt, response_format=form))
            found = json.loads(body["choices"][0]["message"]["content"])
            jsonschema.validate(found, schema)

    async def test_a_json_object_is_one(self) -> None:
        body = await plain(wire.chat(response_format={"type": "json_object"}))
        assert isinstance(json.loads(body["choices"][0]["message"]["content"]), dict)

    async def test_a_schema_that_refers_to_itself_ends(self) -> None:
        schema = {"type": "object", "properties": {"next": {"$ref": "#"}, "x": {"$ref": "#/x"}}}
        form = {"type": "json_schema", "json_schema": {"schema": schema}}
        body = await plain(wire.chat(response_format=form))
        assert json.loads(body["choices"][0]["message"]["content"])

    @settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(
        body=st.dictionaries(
            st.sampled_from(
                ["messages", "tools", "tool_choice", "stop", "max_tokens", "response_format"]
            ),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(
                        st.sampled_from(["role", "content", "type", "function", "name", "text"]),
                        inner,
                        max_size=4,
                    )
                ),
                max_leaves=8,
            ),
        )
    )
    async def test_no_body_makes_it_fail_in_any_other_way_than_a_provider_would(
        self, body: dict[str, Any]
    ) -> None:
        try:
            await provider().complete(Call("chat", "simulated", body))
        except ProviderRejected as error:
            assert error.param is not None  # noqa: PT017 - either outcome is right


class TestTools:
    async def test_a_demanded_tool_is_called_with_arguments_that_fit(self) -> None:
        choice = {"type": "function", "function": {"name": "get_weather"}}
        body = await plain(wire.chat(tools=[CLOCK, WEATHER], tool_choice=choice))
        [found] = body["choices"]
        assert found["finish_reason"] == "tool_calls"
        assert found["message"]["content"] is None
        [call] = found["message"]["tool_calls"]
        assert call["function"]["name"] == "get_weather"
        parameters = WEATHER["function"]["parameters"]
        jsonschema.validate(json.loads(call["function"]["arguments"]), parameters)

    async def test_required_calls_one_and_none_calls_none(self) -> None:
        required = await plain(wire.chat(tools=[WEATHER], tool_choice="required"))
        assert required["choices"][0]["finish_reason"] == "tool_calls"
        never = await plain(wire.chat("get_weather", tools=[WEATHER], tool_choice="none"))
        assert never["choices"][0]["finish_reason"] == "stop"

    async def test_a_prompt_that_names_tools_calls_them(self) -> None:
        prompt = "Please get weather and get_time."
        both = await plain(wire.chat(prompt, tools=[WEATHER, CLOCK]))
        assert len(both["choices"][0]["message"]["tool_calls"]) == 2
        one = await plain(wire.chat(prompt, tools=[WEATHER, CLOCK], parallel_tool_calls=False))
        assert len(one["choices"][0]["message"]["tool_calls"]) == 1
        neither = await plain(wire.chat("Hello", tools=[WEATHER, CLOCK]))
        assert neither["choices"][0]["finish_reason"] == "stop"

    async def test_a_tools_result_is_answered_in_words(self) -> None:
        messages = [
            {"role": "user", "content": "get weather"},
            {"role": "assistant", "tool_calls": [{"id": "c"}]},
            {"role": "tool", "tool_call_id": "c", "content": "get weather says sun"},
        ]
        body = await plain(wire.chat(messages=messages, tools=[WEATHER]))
        assert body["choices"][0]["finish_reason"] == "stop"

    async def test_a_stream_builds_the_same_call(self) -> None:
        call = wire.chat(tools=[WEATHER], tool_choice="required")
        [wanted] = (await plain(call))["choices"][0]["message"]["tool_calls"]
        chunks = await wire.drained(provider(), call)
        deltas = [
            part
            for item in chunks
            for choice in item.data["choices"]
            for part in choice["delta"].get("tool_calls", [])
        ]
        assert deltas[0]["id"] == wanted["id"]
        arguments = "".join(part["function"]["arguments"] for part in deltas)
        assert arguments == wanted["function"]["arguments"]

    async def test_a_choice_that_is_not_among_the_tools_is_rejected(self) -> None:
        choice = {"type": "function", "function": {"name": "nothing"}}
        with pytest.raises(ProviderRejected, match="tool_choice"):
            await plain(wire.chat(tools=[WEATHER], tool_choice=choice))
