"""A large JSON value written in pieces is what is written of it in one go; no piece is large."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from service import json_pieces as subject
from service.json_pieces import digest_of, in_key_order, json_pieces, json_text

_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=20)
)
_values: st.SearchStrategy[Any] = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=6), inner, max_size=6)
    ),
    max_leaves=30,
)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slices so small that every value needs several."""
    for name, size in (("_CHARACTERS", 3), ("_ITEMS", 2), ("_PIECE", 3)):
        monkeypatch.setattr(subject, name, size)


@given(_values)
def test_the_pieces_are_the_text(value: object) -> None:
    assert b"".join(json_pieces(value)) == json_text(value)


SAMPLES: list[Any] = [
    {},
    [],
    "",
    7,
    None,
    'é漢😀\u0000\n"\\/ and some more',
    [1, 2.5, True, None, -0.0, 10**30],
    [1, "x", [2, [3, []], {}], {"a": {"b": [4, "long enough"]}}],
    {"a rather long key": {"another one": "and a text"}, "b": [], "c": {}},
    [[] for _ in range(9)],
]


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("value", SAMPLES)
def test_slices_end_anywhere(value: object) -> None:
    assert b"".join(json_pieces(value)) == json_text(value)


def test_half_a_surrogate_pair_becomes_an_escape() -> None:
    value = {"a": "\ud83d", "b": ["x", "\ude00"]}
    for text in (json_text(value), b"".join(json_pieces(value))):
        assert json.loads(text) == value


def test_no_piece_is_large_and_what_nests_deep_is_written_too() -> None:
    deep: list[Any] = []
    for _ in range(190):
        deep = [deep]
    value: dict[str, Any] = {
        "text": "\n" * 10**6,
        "numbers": [0.5] * 10**5,
        "lists": [[]] * 10**5,
        "deep": deep,
    }
    pieces = list(json_pieces(value))
    assert max(map(len, pieces)) < 2**20
    assert from_json(b"".join(pieces)) == value


@given(_values)
def test_equal_values_have_one_digest_whatever_the_order_of_their_keys(value: Any) -> None:
    other = _backwards(value)
    for in_slices in (False, True):
        assert digest_of(value, in_slices=in_slices) == digest_of(other, in_slices=in_slices)
    assert in_key_order(value) == value


def test_different_values_have_different_digests() -> None:
    values = [{"a": 1}, {"a": True}, {"a": 1.0}, {"a": "1"}, {"b": 1}, [{"a": 1}], {"a": [1]}]
    assert len({digest_of(value, in_slices=True) for value in values}) == len(values)


def _backwards(value: object) -> object:
    if isinstance(value, dict):
        members = cast("dict[str, object]", value)
        return {key: _backwards(members[key]) for key in reversed(members)}
    return (
        [_backwards(one) for one in cast("list[object]", value)]
        if isinstance(value, list)
        else value
    )
