from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.tokens import (
    TOKENS_PER_IMAGE,
    TOKENS_PER_MESSAGE,
    Usage,
    estimate_input_tokens,
    estimate_tokens,
    estimate_usage,
)


def test_a_token_begun_is_a_token() -> None:
    assert [estimate_tokens(count) for count in (0, 1, 4, 5)] == [0, 1, 1, 2]


def test_messages_count_their_text_and_their_frame() -> None:
    messages = [
        {"role": "system", "content": "x" * 40},
        {"role": "user", "content": [{"type": "text", "text": "y" * 8}]},
    ]
    assert estimate_input_tokens({"messages": messages}) == 10 + 2 + 2 * TOKENS_PER_MESSAGE


def test_an_image_counts_as_an_image_whatever_its_bytes() -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 10**6}}
    messages = [{"role": "user", "content": [part]}]
    found = estimate_input_tokens({"messages": messages})
    assert found == TOKENS_PER_IMAGE + TOKENS_PER_MESSAGE


def test_tools_and_their_calls_are_part_of_the_prompt() -> None:
    plain = estimate_input_tokens({"messages": []})
    tools = [{"type": "function", "function": {"name": "f" * 40}}]
    assert estimate_input_tokens({"messages": [], "tools": tools}) >= plain + 10
    calls = [{"id": "c", "function": {"name": "f", "arguments": "x" * 40}}]
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    assert estimate_input_tokens({"messages": [message]}) >= TOKENS_PER_MESSAGE + 10


@pytest.mark.parametrize(
    ("given_", "tokens"),
    [("x" * 8, 2), (["x" * 8, "y"], 3), ([1, 2, 3], 3), ([[1, 2], [3]], 3), ([], 0), (None, 0)],
)
def test_embedding_inputs_are_counted_token_ids_exactly(given_: object, tokens: int) -> None:
    assert estimate_input_tokens({"input": given_}) == tokens


def test_an_estimated_usage_is_marked() -> None:
    usage = estimate_usage({"input": "x" * 8}, output_characters=9)
    assert usage == Usage(2, 3, estimated=True)
    assert usage.total_tokens == 5


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["role", "content", "type", "text", "tool_calls"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(["messages", "tools", "input"]), anything))
def test_no_body_makes_the_estimate_fail_or_negative(body: dict[str, Any]) -> None:
    assert estimate_input_tokens(body) >= 0
