"""Captured messages are cut before they are written and redacted, so the limit bounds both."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel.content import content_attribute
from otel.redaction import CUT, redact

SECRET = "hunter2222hunter"
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=40), inner),
    max_leaves=12,
)


def _whole(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@given(_json)
def test_what_fits_is_written_whole(value: object) -> None:
    assert content_attribute(value, 100_000) == redact(_whole(value))


@given(_json, st.integers(min_value=len(CUT), max_value=60))
def test_what_does_not_fit_is_cut_where_the_whole_would_be(value: object, limit: int) -> None:
    whole = _whole(value)
    found = content_attribute(value, limit)
    assert len(found) <= limit
    if len(whole) > limit and redact(whole) == whole:
        assert found == whole[: limit - len(CUT)] + CUT


@pytest.mark.parametrize("limit", range(20, 120, 3))
def test_a_credential_that_the_cut_parts_is_hidden(limit: int) -> None:
    messages = [{"role": "user", "parts": [{"content": f"https://me:{SECRET}@host/ and more"}]}]
    assert "hunter" not in content_attribute(messages, limit)


def test_no_more_is_looked_at_than_the_limit_can_hold() -> None:
    class Counted(list[Any]):
        seen = 0

        def __iter__(self) -> Any:
            for item in super().__iter__():
                Counted.seen += 1
                yield item

    empty: list[Any] = []
    content_attribute(Counted([{"a": empty}] * 100_000), 1000)
    assert Counted.seen < 1000
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert content_attribute(deep, 8192).endswith(CUT)
