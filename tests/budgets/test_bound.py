"""How much a request can use at the most."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.budgets.bound import Bound, bound_of
from service.budgets.schema import AllowancesEntry
from service.providers.simulated.answers import answer

ALLOWANCES = AllowancesEntry()


def chat(*contents: Any, setting: int | None = None, **fields: Any) -> Bound:
    body = {
        "model": "m",
        "messages": [{"role": "user", "content": content} for content in contents],
        **fields,
    }
    return bound_of("chat", body, setting=setting, allowances=ALLOWANCES)


@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_text_is_bounded_by_its_bytes_and_templates_by_the_json_around_them(text: str) -> None:
    empty, full = chat(""), chat(text)
    # The templates of models known wrap up to seven tokens around a message.
    assert empty.input_tokens >= 7
    assert full.input_tokens - empty.input_tokens >= len(text.encode())


def test_tools_and_what_else_is_in_the_body_count_too() -> None:
    tool = {"type": "function", "function": {"name": "f", "description": "x" * 500}}
    assert chat("hi", tools=[tool]).input_tokens > chat("hi").input_tokens + 500
    assert chat([{"type": "text", "text": "hi"}], tools=[tool]).input_tokens > 500


@pytest.mark.parametrize(
    ("fields", "setting", "output", "answer", "states"),
    [
        ({}, None, 4096, 4096, False),
        ({}, 700, 700, 700, False),
        ({"max_tokens": 50}, 700, 50, 50, True),
        ({"max_completion_tokens": 60}, 700, 60, 60, True),
        ({"max_tokens": 50, "max_completion_tokens": 60}, None, 60, 60, True),
        ({"max_tokens": 9000}, 700, 9000, 9000, True),
        ({"max_tokens": 50, "n": 3}, None, 150, 50, True),
        ({"n": 2, "max_tokens": None}, None, 8192, 4096, False),
        ({"n": None}, 10, 10, 10, False),
    ],
)
def test_output_is_the_requests_own_maximum_else_the_models_else_4096(
    fields: dict[str, Any], setting: int | None, output: int, answer: int, states: bool
) -> None:
    found = chat("hi", setting=setting, **fields)
    assert (found.output_tokens, found.answer_tokens, found.states_output) == (
        output,
        answer,
        states,
    )


def test_images_and_files_have_an_allowance_instead_of_their_bytes() -> None:
    text = {"type": "text", "text": "look"}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}}
    linked = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    file = {"type": "file", "file": {"file_id": "file-1"}}
    plain = chat([text]).input_tokens
    assert chat([text, image]).input_tokens == plain + 5_000
    assert chat([text, image, linked]).input_tokens == plain + 10_000
    assert chat([text, file]).input_tokens == plain + 50_000


def test_sound_is_bounded_by_its_length_at_the_lowest_rate() -> None:
    part = {"type": "input_audio", "input_audio": {"data": "A" * 42_000, "format": "mp3"}}
    assert chat([part]).input_tokens - chat([]).input_tokens == 1_000 + 64


def test_parts_nobody_knows_count_byte_by_byte() -> None:
    part = {"type": "hologram", "data": "A" * 1000}
    assert chat([part]).input_tokens - chat([]).input_tokens == len(
        json.dumps(part, separators=(",", ":"))
    )


@pytest.mark.parametrize(
    ("given_input", "tokens"),
    [([1, 2, 3], 3), ([[1, 2], [3]], 3), ("four", 6), (["a", "b"], 9)],
)
def test_embeddings_count_ids_exactly_and_text_by_bytes(given_input: Any, tokens: int) -> None:
    body = {"model": "m", "input": given_input}
    found = bound_of("embeddings", body, setting=None, allowances=ALLOWANCES)
    assert (found.input_tokens, found.output_tokens) == (tokens, 0)


def _text_part(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


_WORDS = st.text(max_size=60)
_PARTS: st.SearchStrategy[Any] = st.one_of(
    _WORDS,
    st.lists(
        st.one_of(
            _WORDS.map(_text_part),
            st.just({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}),
        ),
        max_size=3,
    ),
)


@given(
    contents=st.lists(_PARTS, min_size=1, max_size=4),
    limit=st.integers(1, 300),
    choices=st.integers(1, 3),
)
def test_no_answer_of_the_simulated_provider_uses_more(
    contents: list[Any], limit: int, choices: int
) -> None:
    messages = [{"role": "user", "content": content} for content in contents]
    body = {"messages": messages, "max_tokens": limit, "n": choices}
    used = answer(body, model="m", seed=1).usage
    bound = chat(*contents, max_tokens=limit, n=choices)
    assert used.input_tokens <= bound.input_tokens
    assert used.output_tokens <= bound.output_tokens
