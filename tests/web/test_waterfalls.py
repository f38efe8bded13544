"""Traces from Tempo's JSON, in every form it has had, and in forms it should not have."""

from __future__ import annotations

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.web import spans
from service.web.moments import Zoned
from service.web.spans import TraceFormatError, read_trace
from service.web.waterfall import DEEPEST, Waterfall, waterfall
from tests.page import samples, tempo

ZONED = Zoned(samples.NOW, ZoneInfo("UTC"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def shown(document: object) -> Waterfall:
    found = waterfall(read_trace(json.dumps(document).encode()), ZONED)
    assert found is not None
    return found


def test_every_form_of_the_answer_is_read_the_same() -> None:
    first = tempo.chat_trace()
    (shop, gateway) = first["batches"]
    named = {"resourceSpans": first["batches"]}
    older = {
        "batches": [
            {"resource": one["resource"], "instrumentationLibrarySpans": one["scopeSpans"]}
            for one in (shop, gateway)
        ]
    }
    in_hexadecimal = json.loads(json.dumps(first))
    for batch in in_hexadecimal["batches"]:
        for span in batch["scopeSpans"][0]["spans"]:
            number = int.from_bytes(spans.base64.b64decode(span["spanId"]))
            span["spanId"] = f"{number:016x}"
            if "parentSpanId" in span:
                parent = int.from_bytes(spans.base64.b64decode(span["parentSpanId"]))
                span["parentSpanId"] = f"{parent:016X}"
    forms: list[dict[str, Any]] = [named, {"trace": named}, older, in_hexadecimal]
    assert [shown(form) for form in forms] == [shown(first)] * 4


def test_children_follow_their_parents_by_time() -> None:
    found = shown(
        tempo.trace(
            (
                "a",
                [
                    tempo.span(4, "late child", parent=1, begin=50),
                    tempo.span(3, "grandchild", parent=2, begin=5),
                    tempo.span(2, "early child", parent=1, begin=3),
                    tempo.span(1, "root", took=100),
                    tempo.span(9, "orphan", parent=77, begin=60),
                ],
            )
        )
    )
    assert [(bar.name, bar.level) for bar in found.bars] == [
        ("root", 1),
        ("early child", 2),
        ("grandchild", 3),
        ("late child", 2),
        ("orphan", 1),
    ]


def test_circles_and_ids_that_are_taken_lose_no_span() -> None:
    circle = [
        tempo.span(1, "a", parent=2),
        tempo.span(2, "b", parent=1),
        tempo.span(3, "c", parent=3),
    ]
    twice = [tempo.span(5, "d"), tempo.span(5, "e"), tempo.span(6, "f", parent=5)]
    found = shown(tempo.trace(("s", [*circle, *twice])))
    assert sorted(bar.name for bar in found.bars) == ["a", "b", "c", "d", "e", "f"]


def test_a_very_deep_trace_is_indented_to_a_bound() -> None:
    deep = [tempo.span(number, f"{number}", parent=number - 1) for number in range(1, 1500)]
    found = shown(tempo.trace(("s", deep)))
    assert found.bars[-1].level == 1499
    assert found.bars[-1].indent == DEEPEST - 1


def test_what_is_too_much_is_counted_and_left_out() -> None:
    attributes = {f"key-{number:03d}": "x" * 5000 for number in range(100)}
    many = [tempo.span(number, "s", attributes=attributes if number == 1 else {})
            for number in range(1, spans.MOST_SPANS + 51)]  # fmt: skip
    found = shown(tempo.trace(("s", many)))
    assert len(found.bars) == spans.MOST_SPANS
    assert found.left_out == 50
    first = found.bars[0]
    assert (len(first.attributes), first.left_out) == (spans.MOST_ATTRIBUTES, 36)
    assert max(len(value) for _, value in first.attributes) == spans.MOST_CHARACTERS + 1


def test_what_tells_most_comes_first() -> None:
    attributes = {"zebra": 1, "thread.id": 2, "gen_ai.request.model": "m", "error.type": "e"}
    (bar,) = shown(tempo.trace(("s", [tempo.span(1, "x", attributes=attributes)]))).bars
    keys = [key for key, _ in bar.attributes]
    assert keys == ["error.type", "gen_ai.request.model", "thread.id", "zebra"]


def test_the_values_of_attributes_are_text() -> None:
    values = [{"boolValue": True}, {"intValue": "7"}, {"doubleValue": 0.5}, {"stringValue": "s"},
              {"arrayValue": {"values": [{"stringValue": "a"}]}}, {}]  # fmt: skip
    pairs = [{"key": f"k{place}", "value": value} for place, value in enumerate(values)]
    (bar,) = shown(
        tempo.trace(("s", [tempo.span(1, "x", attributes={}) | {"attributes": pairs}]))
    ).bars
    array = '{"values": [{"stringValue": "a"}]}'
    assert [value for _, value in bar.attributes] == ["true", "7", "0.5", "s", array, ""]


@pytest.mark.parametrize("raw", [b"", b"<html>", b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_no_trace(raw: bytes) -> None:
    with pytest.raises(TraceFormatError):
        read_trace(raw)


@given(JSON)
def test_any_json_is_read_without_a_fault(document: object) -> None:
    trace = read_trace(json.dumps({"batches": [{"scopeSpans": [{"spans": [document]}]}]}).encode())
    waterfall(trace, ZONED)
    read_trace(json.dumps(document).encode())


@given(
    st.dictionaries(
        st.sampled_from(
            ["spanId", "parentSpanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano"]
        )
        | st.sampled_from(["attributes", "events", "status"]),
        JSON | st.text("0123456789", max_size=25),
    )
)
def test_any_span_is_shown_within_the_frame(span: dict[str, Any]) -> None:
    found = shown({"batches": [{"scopeSpans": [{"spans": [span, tempo.span(1, "x")]}]}]})
    for bar in found.bars:
        assert 0 <= float(bar.x) <= 100
        assert 0 < float(bar.width) <= 100
        assert float(bar.x) + float(bar.width) <= 100.01
