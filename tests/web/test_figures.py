"""Figures are rounded for the eye and stay exact beside it; no amount is ever a double."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.money import dollars
from service.web import figures

AMOUNTS = st.integers(min_value=-(10**19), max_value=10**19)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "$0.00"),
        ("0.00000014", "$0.00000014"),
        ("0.000000000001", "$0.000000000001"),
        ("0.0001236", "$0.000124"),
        ("0.0312", "$0.0312"),
        ("0.5", "$0.50"),
        ("0.99999", "$1.00"),
        ("7.318204117", "$7.32"),
        ("7.315", "$7.32"),
        ("1234567.5", "$1,234,567.50"),
        ("9007199254740.993", "$9,007,199,254,740.99"),
        ("-1.5", "\N{MINUS SIGN}$1.50"),
    ],
)
def test_dollars_are_shown_in_as_many_digits_as_say_something(amount: str, shown: str) -> None:
    assert figures.usd(amount).text == shown
    assert figures.usd(amount).exact == amount


@given(AMOUNTS)
def test_the_exact_amount_stays_and_what_is_shown_is_near_it(amount: int) -> None:
    value = dollars(amount)
    figure = figures.usd(value)
    assert Decimal(figure.exact) == value
    shown = Decimal(figure.text.replace("$", "").replace(",", "").replace("\N{MINUS SIGN}", "-"))
    assert abs(shown - value) <= max(abs(value) * Decimal("0.006"), Decimal(0))
    assert (shown == 0) == (value == 0)


@given(st.lists(AMOUNTS, max_size=40))
def test_sums_are_exact(amounts: list[int]) -> None:
    assert figures.total(str(dollars(amount)) for amount in amounts) == dollars(sum(amounts))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "\N{EN DASH}"),
        (0, "0.0 %"),
        (0.04, "under 0.1 %"),
        (12.345, "12.3 %"),
        (99.97, "99.9 %"),
        (100, "100.0 %"),
        (130.2, "130.2 %"),
    ],
)
def test_a_share_is_not_rounded_to_all_nor_to_nothing(value: float | None, shown: str) -> None:
    assert figures.percent(value) == shown


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [
        (None, "\N{EN DASH}"),
        (0.25, "0.25 ms"),
        (843.2, "843 ms"),
        (999.6, "1 s"),
        (2480.0, "2.48 s"),
        (59_990.0, "1 min 0 s"),
        (125_000.0, "2 min 5 s"),
    ],
)
def test_durations_have_the_unit_that_fits(milliseconds: float | None, shown: str) -> None:
    assert figures.duration(milliseconds).text == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0, "0"), (9_999, "9,999"), (12_345, "12.3k"), (999_999, "1.00M"), (1_254_000_000, "1.25G")],
)
def test_large_counts_are_short_and_exact_beside_it(number: int, shown: str) -> None:
    assert figures.short_count(number) == figures.Figure(shown, str(number))


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "under a minute"), (60, "1 min"), (33_780, "9 h 23 min"), (277_200, "3 d 5 h")],
)
def test_time_until_is_told_to_the_minute(seconds: float, shown: str) -> None:
    assert figures.span_of_time(seconds) == shown


@given(st.one_of(st.none(), st.decimals(-1000, 1000), st.floats(-1e6, 1e6)))
def test_a_bar_is_never_wider_than_its_place(value: Decimal | float | None) -> None:
    assert 0 <= Decimal(figures.width(value)) <= 100
