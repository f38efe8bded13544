"""What is captured of requests and streams stays within its limit and hides what a cut parts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel.content import content_attribute
from service.content import Transcript, answered_characters, input_messages, output_messages

LIMIT = 200


def _chunk(text: str, index: int = 0) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": {"content": text}}]}


def _texts(transcript: Transcript) -> list[str]:
    return [message["parts"][0]["content"] for message in transcript.messages()]


def test_a_stream_is_kept_whole_up_to_the_limit() -> None:
    transcript = Transcript(11)
    for text in ("see ", "a://b:c"):
        transcript.add(_chunk(text))
    assert _texts(transcript) == ["see a://b:c"]


def test_a_credential_that_the_end_of_the_room_parts_is_hidden_in_every_choice() -> None:
    transcript = Transcript(60)
    transcript.add(_chunk("see https://me:hunter22"))
    transcript.add(_chunk("x" * 20 + " sk-hunter2222222222222", index=1))
    transcript.add(_chunk("22@host/ and more"))
    first, second = _texts(transcript)
    assert first.startswith("see https://")
    assert second.startswith("x" * 20)
    assert "hunter" not in first + second


def test_messages_and_parts_beyond_the_number_that_counts_are_not_looked_at() -> None:
    parts = [{"type": "text", "text": str(number)} for number in range(1000)]
    messages = [{"role": "user", "content": parts}] * 1000
    found = input_messages({"messages": messages}, most=1500)
    assert found is not None
    assert [len(message["parts"]) for message in found] == [1000, 499]
    assert input_messages({"messages": messages[:1]}) == found[:1]


LARGE: list[dict[str, Any]] = [
    {"role": "user", "content": "word " * 10**6},
    {"role": "user", "content": [{"type": "text", "text": "word " * 10**6}]},
    {"role": "user", "content": [{"type": "text", "text": ""}] * 10**5},
    {"role": "user", "content": [{}] * 10**5},
    {"role": "user", "content": [{"type": "x" * 10**6}]},
    {"role": "user", "content": [{"type": ["x"] * 10**5}] * 1000},
    {"role": "assistant", "tool_calls": [{}] * 10**5},
    {"role": "assistant", "tool_calls": [{"function": {"arguments": "x" * 10**6}}]},
    {"role": "assistant", "tool_calls": [{"function": {"arguments": {"a": [[]] * 10**5}}}]},
]


@pytest.mark.parametrize("message", LARGE)
def test_however_large_a_message_is_what_is_recorded_is_its_beginning(
    message: dict[str, Any],
) -> None:
    for count in (1, 50):
        found = input_messages({"messages": [message] * count}, LIMIT)
        assert found is not None
        assert sum(len(one["parts"]) for one in found) <= LIMIT
        assert content_attribute(found, LIMIT).endswith("…[truncated]")


_KEYS = ["role", "content", "type", "text", "tool_calls", "function", "message"]
_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(st.sampled_from(["role", "content", "tool_calls"]), _json)))
def test_no_message_makes_the_capture_fail(messages: list[Any]) -> None:
    content_attribute(input_messages({"messages": messages}, LIMIT), LIMIT)


@given(st.dictionaries(st.sampled_from(["choices", "id"]), _json))
def test_no_answer_makes_the_capture_fail(body: dict[str, Any]) -> None:
    content_attribute(output_messages(body, LIMIT), LIMIT)
    assert answered_characters(body) >= 0


def test_the_characters_of_an_answer_are_those_of_its_texts() -> None:
    parts = [{"type": "text", "text": "xy"}, {"type": "image"}]
    choices: list[dict[str, Any]] = [
        {"message": {"content": "abc"}},
        {"message": {"content": parts}},
        {"message": {}},
    ]
    assert answered_characters({"choices": choices}) == 5
