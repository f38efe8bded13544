from __future__ import annotations

import base64
import json
import math
import struct
from collections import Counter
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.errors import (
    ProviderError,
    ProviderFailed,
    ProviderInvalidResponse,
    ProviderOverloaded,
    ProviderQuotaExhausted,
    ProviderRateLimited,
    ProviderRejected,
    ProviderStreamInterrupted,
    ProviderTimeout,
    ProviderUnauthorized,
    ProviderUnreachable,
)
from service.providers.control import SimulateControl
from service.providers.protocol import Call, Timeouts
from service.providers.simulated.options import FaultRates, SimulatedOptions
from service.providers.simulated.provider import SimulatedProvider, simulated
from service.targets import TargetsError
from tests.service.providers import wire

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


class Naps:
    """A clock that only remembers how long it was asked to sleep."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)

    @property
    def total(self) -> float:
        return sum(self.seconds)


def provider(naps: Naps | None = None, **options: Any) -> SimulatedProvider:
    return SimulatedProvider(SimulatedOptions(**options), sleep=naps or Naps())


def embed(text: object, **body: Any) -> Call:
    return Call("embeddings", "simulated-embedding", {"input": text, **body}, target="upstream")


def asked(call: Call, attempt: int = 1, /, **wishes: Any) -> Call:
    return replace(call, simulate=SimulateControl(**wishes), attempt=attempt)


async def plain(call: Call, **options: Any) -> dict[str, Any]:
    return (await provider(**options).complete(call)).body


def encoded(value: object) -> bytes:
    return json.dumps(value, sort_keys=True).encode()


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


def cosine(one: list[float], two: list[float]) -> float:
    return sum(a * b for a, b in zip(one, two, strict=True))


class TestEmbeddings:
    async def vectors(self, call: Call) -> list[list[float]]:
        return [item["embedding"] for item in (await plain(call))["data"]]

    async def test_vectors_are_unit_long_deterministic_and_different(self) -> None:
        one, two = await self.vectors(embed(["red apple", "blue sky"]))
        assert [one] == await self.vectors(embed("red apple"))
        assert one != two
        for vector in (one, two):
            assert len(vector) == 256
            assert math.isclose(cosine(vector, vector), 1, rel_tol=1e-5)

    async def test_texts_that_share_words_lie_nearer(self) -> None:
        base, near, far = await self.vectors(
            embed(["the cat sat here", "the cat sat there", "quantum flux capacitor"])
        )
        assert cosine(base, near) > cosine(base, far) + 0.2

    async def test_base64_holds_the_same_numbers(self) -> None:
        [floats] = await self.vectors(embed("x", dimensions=7))
        [text] = await self.vectors(embed("x", dimensions=7, encoding_format="base64"))
        assert isinstance(text, str)
        assert list(struct.unpack("<7f", base64.b64decode(text))) == floats

    @pytest.mark.parametrize(
        ("given", "count", "tokens"),
        [("hello", 1, 2), (["a", "b"], 2, 2), ([1, 2, 3], 1, 3), ([[1, 2], [3]], 2, 3)],
    )
    async def test_texts_and_token_ids_are_taken(
        self, given: object, count: int, tokens: int
    ) -> None:
        answer = await provider().complete(embed(given))
        assert len(answer.body["data"]) == count
        assert answer.usage is not None
        assert answer.usage.input_tokens == tokens
        assert answer.usage.output_tokens == 0

    @pytest.mark.parametrize(
        ("body", "param"),
        [
            ({"input": []}, "input"),
            ({"input": 7}, "input"),
            ({"input": "x", "dimensions": 0}, "dimensions"),
            ({"input": "x", "dimensions": 10**9}, "dimensions"),
            ({"input": "x", "encoding_format": "hex"}, "encoding_format"),
            ({"input": ["x"] * 2049}, "input"),
        ],
    )
    async def test_what_cannot_be_embedded_is_rejected(
        self, body: dict[str, Any], param: str
    ) -> None:
        with pytest.raises(ProviderRejected) as caught:
            await provider().complete(Call("embeddings", "e", body))
        assert caught.value.param == param


FAULTS: list[tuple[dict[str, Any], type[ProviderError]]] = [
    ({"status": 400}, ProviderRejected),
    ({"status": 401}, ProviderUnauthorized),
    ({"status": 402}, ProviderQuotaExhausted),
    ({"status": 429}, ProviderRateLimited),
    ({"status": 500}, ProviderFailed),
    ({"status": 503}, ProviderOverloaded),
    ({"down": True}, ProviderUnreachable),
    ({"malformed": True}, ProviderInvalidResponse),
    ({"cut_after": 2}, ProviderStreamInterrupted),
    ({"hang": True}, ProviderTimeout),
]


class TestFaultsOnOrder:
    @pytest.mark.parametrize(("wishes", "kind"), FAULTS)
    async def test_each_fault_is_the_error_a_real_provider_would_cause(
        self, wishes: dict[str, Any], kind: type[ProviderError]
    ) -> None:
        for call in (wire.chat(), embed("x")):
            with pytest.raises(ProviderError) as caught:
                await provider().complete(asked(call, **wishes))
            assert type(caught.value) is kind
            assert caught.value.upstream_status == wishes.get("status", _status_of(kind))
        with pytest.raises(ProviderError) as caught:
            await wire.drained(provider(), asked(wire.chat(), **wishes))
        assert type(caught.value) is kind

    async def test_times_counts_the_requests_attempts_without_memory(self) -> None:
        one = provider()
        for _ in range(2):
            for attempt in (1, 2):
                with pytest.raises(ProviderRateLimited):
                    await one.complete(asked(wire.chat(), attempt, status=429, times=2))
            await one.complete(asked(wire.chat(), 3, status=429, times=2))

    async def test_a_fault_may_be_meant_for_one_target_only(self) -> None:
        with pytest.raises(ProviderOverloaded):
            await provider().complete(asked(wire.chat(), status=503, target="upstream"))
        await provider().complete(asked(wire.chat(), status=503, target="other"))

    async def test_retry_after_is_as_ordered_or_as_set(self) -> None:
        orders: list[tuple[dict[str, Any], float]] = [({}, 1.0), ({"retry_after": 0.25}, 0.25)]
        for wishes, wanted in orders:
            with pytest.raises(ProviderRateLimited) as caught:
                await provider().complete(asked(wire.chat(), status=429, **wishes))
            assert caught.value.retry_after == wanted

    async def test_a_cut_stream_breaks_after_so_many_chunks(self) -> None:
        chunks, error = await wire.until_error(provider(), asked(wire.chat(), cut_after=3))
        assert isinstance(error, ProviderStreamInterrupted)
        assert len(chunks) == 3

    async def test_a_stream_may_hang_after_so_many_chunks(self) -> None:
        naps = Naps()
        call = replace(wire.chat(), timeout=Timeouts(connect=1, read=7, total=60))
        chunks, error = await wire.until_error(provider(naps), asked(call, cut_after=3, hang=True))
        assert len(chunks) == 3
        assert isinstance(error, ProviderTimeout)
        assert error.timeout_kind == "read"
        assert naps.seconds[-1] == 7

    async def test_a_hang_meets_the_deadline_where_that_is_nearer(self) -> None:
        naps = Naps()
        call = replace(wire.chat(), timeout=Timeouts(connect=1, read=60, total=7))
        with pytest.raises(ProviderTimeout) as caught:
            await provider(naps).complete(asked(call, hang=True))
        assert caught.value.timeout_kind == "deadline"
        assert naps.total == 7

    async def test_latencies_are_as_ordered(self) -> None:
        naps = Naps()
        call = asked(wire.chat(), latency_ms=500, first_chunk_ms=300, chunk_ms=20)
        chunks = await wire.drained(provider(naps), call)
        assert naps.seconds[:2] == [0.5, 0.3]
        assert naps.seconds[2:] == [0.02] * sum(1 for item in chunks if item.content)

    async def test_slow_chunks_add_up_to_the_total_timeout(self) -> None:
        naps = Naps()
        call = replace(wire.chat(), timeout=Timeouts(connect=1, read=5, total=10))
        with pytest.raises(ProviderTimeout) as caught:
            await wire.drained(provider(naps), asked(call, chunk_ms=4000))
        assert caught.value.timeout_kind == "deadline"
        assert naps.total == pytest.approx(10)

    async def test_another_seed_is_another_answer(self) -> None:
        one = await plain(asked(wire.chat(), seed=1))
        two = await plain(asked(wire.chat(), seed=2))
        assert one["choices"] != two["choices"]
        assert one == await plain(wire.chat(), seed=1)


def _status_of(kind: type[ProviderError]) -> int | None:
    return 200 if kind in (ProviderInvalidResponse, ProviderStreamInterrupted) else None


class TestFaultsByChance:
    async def outcomes(self, one: SimulatedProvider, count: int, call: Call) -> Counter[str]:
        found: Counter[str] = Counter()
        for _ in range(count):
            try:
                await one.complete(call)
                found["ok"] += 1
            except ProviderError as error:
                found[error.kind] += 1
        return found

    async def test_rates_are_met_and_the_same_again_for_the_same_seed(self) -> None:
        rates = FaultRates(status={429: 0.2, 500: 0.1}, down=0.1, malformed=0.1)
        found = await self.outcomes(provider(seed=5, faults=rates), 1000, embed("x"))
        assert found == await self.outcomes(provider(seed=5, faults=rates), 1000, embed("x"))
        assert found["rate_limited"] == pytest.approx(200, abs=50)
        assert found["failed"] == pytest.approx(100, abs=40)
        assert found["unreachable"] == pytest.approx(100, abs=40)
        assert found["invalid_response"] == pytest.approx(100, abs=40)

    async def test_no_rates_mean_no_faults(self) -> None:
        assert await self.outcomes(provider(), 200, embed("x")) == {"ok": 200}

    async def test_a_caller_who_asks_for_no_fault_gets_none(self) -> None:
        one = provider(faults=FaultRates(status={503: 1.0}))
        assert await self.outcomes(one, 5, asked(embed("x"), status=0)) == {"ok": 5}

    def test_an_option_that_does_not_exist_is_told_with_its_place(self) -> None:
        with pytest.raises(TargetsError, match=r"options is not valid:\n  faults\.status\.99"):
            simulated(
                wire.connection(None, provider="simulated", faults={"status": {99: 1}}),
                transport=None,  # pyright: ignore[reportArgumentType] - it takes none
            )
