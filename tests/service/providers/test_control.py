from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import InvalidRequest
from service.providers.control import SimulateControl, parse_header, split_model


def test_a_header_is_a_json_object_of_wishes() -> None:
    assert parse_header('{"status": 429, "times": 1, "retry_after": 0.5}') == SimulateControl(
        status=429, times=1, retry_after=0.5
    )
    assert parse_header('{"cut_after": 3, "hang": true, "chunk_ms": 10}') == SimulateControl(
        cut_after=3, hang=True, chunk_ms=10
    )
    assert parse_header("{}") == SimulateControl()


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("", "value"),
        ("429", "value"),
        ('{"status": 200}', "status"),
        ('{"status": "429"}', "status"),
        ('{"stauts": 429}', "stauts"),
        ('{"latency_ms": -1}', "latency_ms"),
        ('{"latency_ms": 1e12}', "latency_ms"),
        ('{"latency_ms": NaN}', "latency_ms"),
        ('{"times": 1.5}', "times"),
        ('{"hang": 1}', "hang"),
    ],
)
def test_a_wrong_header_is_the_callers_mistake_and_named(value: str, named: str) -> None:
    with pytest.raises(InvalidRequest, match=named) as caught:
        parse_header(value)
    assert caught.value.code == "invalid_simulate_header"


@given(st.text())
def test_no_header_makes_it_fail_in_any_other_way(value: str) -> None:
    try:
        assert isinstance(parse_header(value), SimulateControl)
    except InvalidRequest as error:
        assert error.status == 400  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    ("model", "name", "control"),
    [
        ("simulated:429", "simulated", SimulateControl(status=429)),
        ("simulated:503x2", "simulated", SimulateControl(status=503, times=2)),
        ("simulated:ok", "simulated", SimulateControl(status=0)),
        ("simulated:down", "simulated", SimulateControl(down=True)),
        ("simulated:hang", "simulated", SimulateControl(hang=True)),
        ("simulated:malformedx1", "simulated", SimulateControl(malformed=True, times=1)),
        ("simulated:cut", "simulated", SimulateControl(cut_after=2)),
        ("simulated:slow", "simulated", SimulateControl(latency_ms=1000, chunk_ms=100)),
        ("a:b:500", "a:b", SimulateControl(status=500)),
    ],
)
def test_a_suffix_is_a_wish(model: str, name: str, control: SimulateControl) -> None:
    assert split_model(model) == (name, control)


@pytest.mark.parametrize(
    "model",
    ["simulated", "llama3:8b", "simulated:200", "simulated:", ":429", "x:4299", "x:٤٢٩", ""],
)
def test_what_is_no_wish_is_part_of_the_name(model: str) -> None:
    assert split_model(model) == (model, None)
