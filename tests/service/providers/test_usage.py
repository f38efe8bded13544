from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as given_any
from hypothesis import strategies as st

from service.providers import anthropic_answer
from service.providers.shapes import MOST_TOKENS
from service.providers.usage import openai_usage, usage_body
from service.tokens import Usage


@pytest.mark.parametrize("value", [None, {}, [], "x", 7, {"total_tokens": 3}])
def test_what_says_nothing_is_none(value: object) -> None:
    assert openai_usage(value) is None


@pytest.mark.parametrize(
    ("given", "output"),
    [
        (-10, 5),
        (10, -5),
        ("10", "5"),
        (10, "5"),
        (None, None),
        (True, True),
        ([1], {}),
        (float("nan"), 5),
        (float("inf"), 5),
        (10**40, 5),
        (MOST_TOKENS + 1, 5),
        (0, 0),
    ],
)
def test_usage_that_cannot_be_is_none_and_never_an_answer_for_nothing(
    given: object, output: object
) -> None:
    assert openai_usage({"prompt_tokens": given, "completion_tokens": output}) is None
    told = {"input_tokens": given, "output_tokens": output}
    assert anthropic_answer.usage_of(told) is None


def test_usage_of_one_side_alone_counts() -> None:
    assert openai_usage({"prompt_tokens": 10}) == Usage(10, 0)
    assert openai_usage({"prompt_tokens": 10.0, "completion_tokens": None}) == Usage(10, 0)
    assert anthropic_answer.usage_of({"input_tokens": 0, "output_tokens": 3}) == Usage(0, 3)


def test_deepseeks_cache_hits_are_cached_tokens() -> None:
    usage = {"prompt_tokens": 100, "completion_tokens": 5, "prompt_cache_hit_tokens": 64}
    assert openai_usage(usage) == Usage(100, 5, cache_read_tokens=64)


def test_openrouters_cache_writes_are_counted() -> None:
    details = {"cached_tokens": 10, "cache_write_tokens": 20}
    usage = {"prompt_tokens": 100, "completion_tokens": 5, "prompt_tokens_details": details}
    assert openai_usage(usage) == Usage(100, 5, cache_read_tokens=10, cache_write_tokens=20)


def test_reasoning_counted_beside_the_completion_is_brought_inside() -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "total_tokens": 45,
        "completion_tokens_details": {"reasoning_tokens": 30},
    }
    assert openai_usage(usage) == Usage(10, 35, reasoning_tokens=30)


def test_reasoning_inside_the_completion_is_not_added_again() -> None:
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 35,
        "total_tokens": 45,
        "completion_tokens_details": {"reasoning_tokens": 30},
    }
    assert openai_usage(usage) == Usage(10, 35, reasoning_tokens=30)


def test_image_tokens_are_counted_where_they_are_told() -> None:
    usage = {
        "prompt_tokens": 300,
        "completion_tokens": 4200,
        "prompt_tokens_details": {"image_tokens": 258},
        "completion_tokens_details": {"image_tokens": 4160},
    }
    assert openai_usage(usage) == Usage(300, 4200, input_image_tokens=258, output_image_tokens=4160)


def test_anthropic_tells_how_long_its_cache_keeps_what_was_written() -> None:
    told = {
        "input_tokens": 10,
        "cache_creation_input_tokens": 500,
        "cache_creation": {"ephemeral_5m_input_tokens": 100, "ephemeral_1h_input_tokens": 400},
        "output_tokens": 90,
        "output_tokens_details": {"thinking_tokens": 60},
    }
    assert anthropic_answer.usage_of(told) == Usage(
        510, 90, cache_write_tokens=500, cache_write_1h_tokens=400, reasoning_tokens=60
    )


@pytest.mark.parametrize("kept", [None, 7, [], {"ephemeral_1h_input_tokens": 10**8}])
def test_no_more_is_written_for_an_hour_than_is_written(kept: object) -> None:
    told = {"input_tokens": 1, "output_tokens": 1, "cache_creation_input_tokens": 5}
    usage = anthropic_answer.usage_of({**told, "cache_creation": kept})
    assert usage is not None
    assert usage.cache_write_1h_tokens <= usage.cache_write_tokens == 5


def test_the_body_of_a_usage_reads_as_the_same_usage() -> None:
    usage = Usage(
        100,
        50,
        cache_read_tokens=10,
        reasoning_tokens=20,
        input_audio_tokens=3,
        output_audio_tokens=4,
    )
    assert openai_usage(usage_body(usage)) == usage


numbers = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
details = st.none() | st.dictionaries(
    st.sampled_from(
        [
            "cached_tokens",
            "reasoning_tokens",
            "audio_tokens",
            "image_tokens",
            "cache_write_tokens",
        ]
    ),
    numbers,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given_any(
    counts=st.dictionaries(
        st.sampled_from(["prompt_tokens", "completion_tokens", "total_tokens"]), numbers
    ),
    prompt=details,
    completion=details,
)
def test_parts_are_never_negative_nor_larger_than_their_whole(
    counts: dict[str, Any], prompt: object, completion: object
) -> None:
    usage = openai_usage(
        {**counts, "prompt_tokens_details": prompt, "completion_tokens_details": completion}
    )
    if usage is None:
        return
    assert 0 <= usage.cache_read_tokens <= usage.input_tokens
    assert 0 <= usage.cache_write_tokens <= usage.input_tokens
    assert 0 <= usage.input_audio_tokens <= usage.input_tokens
    assert 0 <= usage.reasoning_tokens <= usage.output_tokens
    assert 0 <= usage.output_audio_tokens <= usage.output_tokens
    assert 0 <= usage.input_image_tokens <= usage.input_tokens
    assert 0 <= usage.output_image_tokens <= usage.output_tokens
