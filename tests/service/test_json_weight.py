"""A JSON text is weighed by its bytes: never too light, and exactly where it matters."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service import json_weight as subject
from service.json_weight import HEAVY_BYTES, LIGHT_BYTES, outside_texts, weigh

MOST = 400_000

_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=30,
)


def weight_of(value: object) -> int:
    """What a value weighs, counted one by one; the outermost has no comma before it."""
    if isinstance(value, dict):
        inner = list(cast("dict[str, object]", value).values())
        keys = 3 * len(inner)
    elif isinstance(value, list):
        inner, keys = cast("list[object]", value), 0
    else:
        return 0
    return 4 + keys + max(0, len(inner) - 1) + sum(map(weight_of, inner))


@pytest.mark.parametrize("size", [7, 64, 256 * 1024])
@pytest.mark.parametrize("ascii_only", [True, False])
@given(value=_values)
def test_values_are_counted_and_what_stands_in_texts_is_not(
    value: Any, size: int, ascii_only: bool
) -> None:
    raw = json.dumps(value, ensure_ascii=ascii_only).encode(errors="replace")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subject, "_SLICE", size)
        assert _in_slices(raw) == weight_of(value)
    # Where little is there anyway, what looks like values may count as well.
    assert weigh(raw, most=MOST).values >= weight_of(value)


def _in_slices(raw: bytes) -> int:
    return sum(_signs(part) for part in outside_texts(raw))


def _signs(part: bytes) -> int:
    return part.count(b",") + 3 * part.count(b":") + 4 * (part.count(b"[") + part.count(b"{"))


def test_prose_code_and_base64_weigh_nothing_however_many_signs_they_hold() -> None:
    text = 'if (a[0] == {"x": [1, 2]}) { return "\\\\\\"", [,]; } // ' * 100_000
    raw = json.dumps({"messages": [{"role": "user", "content": text}]}).encode()
    weight = weigh(raw, most=MOST)
    assert len(raw) > HEAVY_BYTES
    assert weight.values < 50
    assert weight.heavy


@pytest.mark.parametrize(
    "raw",
    [b"[" * 10**6, b"{" * 10**6, b"[]," * 10**6, b"1," * 10**6, b'"a":' * 10**6, b'"",' * 10**6],
)
def test_what_is_too_much_is_seen_before_it_is_parsed(raw: bytes) -> None:
    assert weigh(raw, most=MOST).values > MOST


def test_a_short_text_cannot_be_heavy() -> None:
    assert not weigh(b"[" * LIGHT_BYTES, most=MOST).heavy


def test_json_within_texts_makes_a_body_heavy_though_it_counts_for_nothing() -> None:
    arguments = json.dumps({"a": [[] for _ in range(100_000)]})
    weight = weigh(json.dumps({"arguments": arguments}).encode(), most=MOST)
    assert weight.values < 10
    assert weight.heavy


@pytest.mark.parametrize("slice_size", [1, 2, 3, 5])
def test_slices_end_between_escapes(monkeypatch: pytest.MonkeyPatch, slice_size: int) -> None:
    monkeypatch.setattr(subject, "_SLICE", slice_size)
    raw = b'{"a\\\\": "[\\"{", "\\\\\\"[": ["x\\\\", "\\\\\\\\"], "b": {}}'
    assert json.loads(raw)
    assert sum(part.count(b"[") + part.count(b"{") for part in outside_texts(raw)) == 3
