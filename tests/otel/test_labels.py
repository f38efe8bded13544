"""No label escapes its declaration and no value its bound, and what is lost is counted."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel import attributes as a
from otel import names
from otel.attributes import OTHER
from otel.labels import UndeclaredLabelError
from otel.settings import ApiSettings
from otel.testing import Recorded, recorded

LIMITS = ApiSettings(label_values=5, series=12)


@pytest.fixture
def telemetry() -> Iterator[Recorded]:
    with recorded(settings=LIMITS, strict=False) as telemetry:
        yield telemetry


def _overflow(telemetry: Recorded, key: str) -> float:
    return telemetry.value(
        names.CARDINALITY_OVERFLOW,
        gaugeway_metric_name=names.REQUESTS_REJECTED.name,
        gaugeway_attribute_key=key,
    )


def test_values_past_the_limit_become_other_and_are_counted(telemetry: Recorded) -> None:
    rejected = telemetry.telemetry.instruments.requests_rejected
    for number in range(9):
        rejected.add(1, {a.ERROR_TYPE: f"error_{number}"})
    rejected.add(1, {a.ERROR_TYPE: "error_0"})
    assert telemetry.value(names.REQUESTS_REJECTED, error_type="error_0") == 2
    assert telemetry.value(names.REQUESTS_REJECTED, error_type=OTHER) == 4
    assert telemetry.value(names.REQUESTS_REJECTED) == 10
    assert _overflow(telemetry, a.ERROR_TYPE) == 4


def test_label_sets_past_the_limit_become_other(telemetry: Recorded) -> None:
    rejected = telemetry.telemetry.instruments.requests_rejected
    for error in range(5):
        for status in range(400, 405):
            rejected.add(1, {a.ERROR_TYPE: f"error_{error}", a.HTTP_STATUS_CODE: status})
    points = telemetry.metrics()[names.REQUESTS_REJECTED.name]
    assert len(points) <= LIMITS.series + 1
    assert sum(point.value for point in points) == 25


def test_an_undeclared_label_is_dropped_and_counted(telemetry: Recorded) -> None:
    telemetry.telemetry.instruments.requests_rejected.add(1, {"user.id": "u1"})
    (point,) = telemetry.metrics()[names.REQUESTS_REJECTED.name]
    assert point.attributes == {}
    assert _overflow(telemetry, "undeclared") == 1


def test_an_undeclared_label_is_an_error_in_tests() -> None:
    with recorded() as telemetry, pytest.raises(UndeclaredLabelError, match=r"user\.id"):
        telemetry.telemetry.instruments.requests_rejected.add(1, {"user.id": "u1"})


def test_a_value_that_is_too_long_becomes_other(telemetry: Recorded) -> None:
    telemetry.telemetry.instruments.requests_rejected.add(1, {a.ERROR_TYPE: "x" * 5000})
    assert telemetry.value(names.REQUESTS_REJECTED, error_type=OTHER) == 1


def test_a_credential_in_a_label_is_hidden(telemetry: Recorded) -> None:
    telemetry.telemetry.instruments.requests_rejected.add(1, {a.ERROR_TYPE: "sk-abcdefgh1234"})
    (point,) = telemetry.metrics()[names.REQUESTS_REJECTED.name]
    assert point.attributes == {a.ERROR_TYPE: "sk-[REDACTED]"}


def test_a_label_without_a_value_is_left_out(telemetry: Recorded) -> None:
    telemetry.telemetry.instruments.requests_rejected.add(1, {a.ERROR_TYPE: None})
    (point,) = telemetry.metrics()[names.REQUESTS_REJECTED.name]
    assert point.attributes == {}


@given(
    st.lists(
        st.tuples(st.text(max_size=8), st.one_of(st.none(), st.integers(400, 599))), max_size=60
    )
)
def test_whatever_is_recorded_series_are_bounded_and_nothing_is_lost(
    measurements: list[tuple[str, int | None]],
) -> None:
    with recorded(settings=LIMITS, strict=False) as telemetry:
        rejected = telemetry.telemetry.instruments.requests_rejected
        for error, status in measurements:
            rejected.add(1, {a.ERROR_TYPE: error, a.HTTP_STATUS_CODE: status})
        points = telemetry.metrics().get(names.REQUESTS_REJECTED.name, ())
        assert sum(point.value for point in points) == len(measurements)
        assert len(points) <= LIMITS.series + 3
        for point in points:
            assert set(point.attributes) <= set(names.REQUESTS_REJECTED.attributes)
        for name in names.REQUESTS_REJECTED.attributes:
            values = {point.attributes.get(name) for point in points} - {None, OTHER}
            assert len(values) <= LIMITS.label_values


def test_values_that_are_replaced_do_not_use_up_the_series(telemetry: Recorded) -> None:
    rejected = telemetry.telemetry.instruments.requests_rejected
    for number in range(100):
        rejected.add(1, {a.ERROR_TYPE: f"sk-secret{number:04d}"})
        rejected.add(1, {a.ERROR_TYPE: f"{number}" * 200})
        rejected.add(1, {"user.id": f"user {number}"})
    rejected.add(1, {a.ERROR_TYPE: "ordinary"})
    assert telemetry.value(names.REQUESTS_REJECTED, error_type="ordinary") == 1
    assert telemetry.value(names.REQUESTS_REJECTED, error_type="sk-[REDACTED]") == 100
