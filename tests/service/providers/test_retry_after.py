from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from service.providers.retry_after import MAXIMUM, retry_after_seconds, should_retry

NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        ("1.5", 1.5),
        (formatdate(NOW + 90, usegmt=True), 90),
        (formatdate(NOW - 90, usegmt=True), 0),
        ("1e9", MAXIMUM),
        ("-1", None),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("Wed, 99 Foo 2026 25:00:00 GMT", None),
    ],
)
def test_seconds_and_dates_are_read_and_nonsense_is_not(value: str, seconds: float | None) -> None:
    assert retry_after_seconds({"retry-after": value}, now=NOW) == seconds


def test_milliseconds_are_finer_and_win() -> None:
    headers = CIMultiDict({"Retry-After": "2", "Retry-After-Ms": "1250"})
    assert retry_after_seconds(headers, now=NOW) == 1.25


def test_no_header_is_no_wait() -> None:
    assert retry_after_seconds({}, now=NOW) is None


@given(st.text())
def test_no_value_makes_it_fail(value: str) -> None:
    seconds = retry_after_seconds({"retry-after": value, "retry-after-ms": value}, now=NOW)
    assert seconds is None or 0 <= seconds <= MAXIMUM


@pytest.mark.parametrize(
    ("value", "wanted"), [("true", True), ("False", False), ("", None), ("maybe", None)]
)
def test_a_provider_may_say_whether_to_retry(value: str, wanted: bool | None) -> None:
    assert should_retry({"x-should-retry": value}) is wanted
    assert should_retry({}) is None
