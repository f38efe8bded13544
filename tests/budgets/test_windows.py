"""Hours, days and months of every zone's own clock."""

from __future__ import annotations

from datetime import datetime
from typing import get_args
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.budgets.windows import Kind, Windows, local_time, window_at

ZONES = sorted(available_timezones())
KINDS: tuple[Kind, ...] = get_args(Kind)
LONGEST = {"hour": 3_600_000, "day": 49 * 3_600_000, "month": 33 * 86_400_000}
MOMENTS = st.integers(min_value=0, max_value=4_102_444_799_999)  # to the end of 2099


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def span(kind: Kind, zone: str, at: str) -> tuple[str, str]:
    where = ZoneInfo(zone)
    found = window_at(kind, where, moment(at))
    return local_time(where, found.start), local_time(where, found.end)


@given(kind=st.sampled_from(KINDS), zone=st.sampled_from(ZONES), at=MOMENTS)
# A fold over midnight, a date that was skipped, half an hour's change, a midnight that is not.
@example(kind="day", zone="America/Goose_Bay", at=moment("2010-11-07T00:00:30-03:00"))
@example(kind="day", zone="America/Goose_Bay", at=moment("2010-11-06T23:30:00-04:00"))
@example(kind="day", zone="Pacific/Apia", at=moment("2011-12-31T00:00:00+14:00"))
@example(kind="hour", zone="Australia/Lord_Howe", at=moment("2026-04-04T15:10:00+00:00"))
@example(kind="hour", zone="Australia/Lord_Howe", at=moment("2026-10-03T15:40:00+00:00"))
@example(kind="day", zone="Africa/Cairo", at=moment("2026-04-24T01:30:00+03:00"))
def test_windows_hold_their_moments_and_follow_each_other_without_a_gap(
    kind: Kind, zone: str, at: int
) -> None:
    where = ZoneInfo(zone)
    window = window_at(kind, where, at)
    assert at in window
    assert 0 < window.end - window.start <= LONGEST[kind]
    assert window_at(kind, where, window.start) == window
    assert window_at(kind, where, window.end - 1) == window
    assert window_at(kind, where, window.end).start == window.end
    assert window_at(kind, where, window.start - 1).end == window.start


@given(kind=st.sampled_from(KINDS), zone=st.sampled_from(ZONES), at=MOMENTS)
def test_a_window_begins_on_the_hour_at_midnight_or_on_the_first_unless_clocks_change(
    kind: Kind, zone: str, at: int
) -> None:
    where = ZoneInfo(zone)
    start = window_at(kind, where, at).start
    local = datetime.fromtimestamp(start // 1000, where)
    before = datetime.fromtimestamp(start // 1000 - 1, where)
    if local.utcoffset() == before.utcoffset():
        assert (local.minute, local.second) == (0, 0)
        assert kind == "hour" or local.hour == 0
        assert kind != "month" or local.day == 1


@pytest.mark.parametrize(
    ("kind", "at", "start", "end"),
    [
        ("day", "2026-03-29T12:00+02:00", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00"),
        ("day", "2026-10-25T12:00+01:00", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"),
        (
            "hour",
            "2026-10-25T02:30+02:00",
            "2026-10-25T02:00:00+02:00",
            "2026-10-25T02:00:00+01:00",
        ),
        (
            "hour",
            "2026-10-25T02:30+01:00",
            "2026-10-25T02:00:00+01:00",
            "2026-10-25T03:00:00+01:00",
        ),
        (
            "month",
            "2026-12-31T23:59+01:00",
            "2026-12-01T00:00:00+01:00",
            "2027-01-01T00:00:00+01:00",
        ),
        (
            "month",
            "2026-03-01T00:00+01:00",
            "2026-03-01T00:00:00+01:00",
            "2026-04-01T00:00:00+02:00",
        ),
    ],
)
def test_days_where_clocks_change_have_23_or_25_hours(
    kind: Kind, at: str, start: str, end: str
) -> None:
    assert span(kind, "Europe/Berlin", at) == (start, end)


def test_a_window_that_was_asked_for_is_remembered_until_it_ends() -> None:
    zone = ZoneInfo("Asia/Kathmandu")
    windows = Windows("hour", zone)
    first = windows.at(moment("2026-11-21T10:10+05:45"))
    assert windows.at(first.end - 1) is first
    assert windows.at(first.end) == window_at("hour", zone, first.end)
