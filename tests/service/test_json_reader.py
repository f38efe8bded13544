"""A long JSON text read in slices is what the parsers that read it at once say it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from service.json_reader import JsonTextError, Reading, TooManyValuesError, read_json

TINY = 48
"""A window so small that nearly everything has to be read in slices."""

_scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=80)
)
_values: st.SearchStrategy[Any] = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=12)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=30), inner, max_size=6)
        | st.lists(st.integers() | st.floats(allow_nan=False, allow_infinity=False), max_size=60)
    ),
    max_leaves=40,
)


def _written(value: object, indent: int | None, ascii_only: bool) -> bytes:
    return json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()


_texts = st.builds(_written, _values, st.sampled_from([None, 0, 3]), st.booleans())


@given(raw=_texts, window=st.sampled_from([32, TINY, 500]))
def test_strictly_it_is_what_from_json_says(raw: bytes, window: int) -> None:
    found = read_json(raw, Reading(strict=True, window=window))
    assert _same(found, from_json(raw, allow_inf_nan=False))


@given(raw=_texts, window=st.sampled_from([32, TINY, 500]))
def test_leniently_it_is_what_json_says(raw: bytes, window: int) -> None:
    assert _same(read_json(raw, Reading(window=window)), json.loads(raw))


@given(
    raw=_texts,
    at=st.integers(0, 10_000),
    put=st.sampled_from(
        [b"", b",", b"]", b"}", b'"', b"\\", b"\xff", b"\xc3", b"\n", b"1", b"[", b"{", b"\\ud83d"]
    ),
    cut=st.integers(0, 3),
)
def test_what_the_parsers_refuse_is_refused_and_nothing_else(
    raw: bytes, at: int, put: bytes, cut: int
) -> None:
    at = min(at, len(raw))
    spoilt = raw[:at] + put + raw[at + cut :]
    assert _outcome(lambda: read_json(spoilt, Reading(strict=True, window=TINY))) == _outcome(
        lambda: from_json(spoilt, allow_inf_nan=False)
    )
    assert _outcome(lambda: read_json(spoilt, Reading(window=TINY))) == _outcome(
        lambda: json.loads(spoilt.decode())
    )


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b" ",
        b"[,1]",
        b"[1,,2]",
        b"[1,2,]",
        b"[1 2]",
        b'{"a" 1}',
        b'{"a":}',
        b'{"a":1,}',
        b"{1:2}",
        b'["a]',
        b'["\\x"]',
        b'["\x01"]',
        b"[tru]",
        b"[01]",
        b"[1.]",
        b"[1e]",
        b"[1] x",
        b"\xef\xbb\xbf[]",
        b'["' + b"\x80" * 200 + b'"]',
        b"[" * 5000,
        b"[" * 5000 + b"]" * 5000,
        b'["' + b"x" * 200,
        b'["' + b"x" * 200 + b"\\u12",
        b"[" + b"9" * 5000 + b"]",
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_what_is_no_json_is_refused(raw: bytes, strict: bool) -> None:
    for window in (TINY, 32 * 1024):
        with pytest.raises(JsonTextError):
            read_json(raw, Reading(strict=strict, window=window))


@pytest.mark.parametrize("raw", [b"[NaN]", b"[Infinity]", b'["\\ud83d"]', b'["\\ude00 \\ud83d"]'])
def test_only_where_it_is_strict_are_nan_and_halves_of_pairs_refused(raw: bytes) -> None:
    padded = raw[:-1] + b',"' + b"x" * 100 + b'"]'
    assert len(read_json(padded, Reading(window=TINY))) == 2
    with pytest.raises(JsonTextError):
        read_json(padded, Reading(strict=True, window=TINY))


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("before", range(14))
def test_no_slice_cuts_a_character_an_escape_or_a_pair(before: int, strict: bool) -> None:
    text = "x" * before + 'é漢😀\u0000\n"\\/' * 40
    for raw in (json.dumps([text]), json.dumps([text], ensure_ascii=False)):
        assert read_json(raw.encode(), Reading(strict=strict, window=TINY)) == [text]


def test_values_of_keys_that_nobody_needs_are_left_out_where_they_are_long() -> None:
    raw = json.dumps({"data": [{"index": 0, "embedding": [0.5] * 99}], "usage": {"n": 1}}).encode()
    found = read_json(raw, Reading(window=TINY, left_out=frozenset({"embedding"}), most=60))
    assert found == {"data": [{"index": 0, "embedding": None}], "usage": {"n": 1}}


def test_what_is_left_out_must_be_json_all_the_same() -> None:
    raw = b'{"embedding": [' + b"0.5," * 50 + b"x]}"
    with pytest.raises(JsonTextError):
        read_json(raw, Reading(window=TINY, left_out=frozenset({"embedding"})))


@pytest.mark.parametrize(
    "raw",
    [
        json.dumps([[] for _ in range(100)]).encode(),
        json.dumps(list(range(400))).encode(),
        json.dumps({str(n): n for n in range(200)}).encode(),
        json.dumps([["text"] * 400]).encode(),
    ],
)
def test_more_values_than_may_be_kept_are_refused(raw: bytes) -> None:
    with pytest.raises(TooManyValuesError):
        read_json(raw, Reading(most=300, window=TINY))
    assert read_json(raw, Reading(most=3000, window=TINY)) == json.loads(raw)


def test_many_containers_that_do_not_fit_a_window_are_not_tried_for_ever() -> None:
    deep = b"[" * 150 + b'"' + b"x" * 64 + b'"' + b"]" * 150
    raw = b"[" + b",".join([deep] * 20) + b"]"
    assert read_json(raw, Reading(strict=True, window=TINY)) == from_json(raw)


def _outcome(parse: Any) -> bool:
    try:
        parse()
    except ValueError:
        return False
    return True


def _same(one: Any, other: Any) -> bool:
    """Equal, and of the same types: 1 is neither 1.0 nor true."""
    return one == other and repr(one) == repr(other)
