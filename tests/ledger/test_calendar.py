"""Hours, days, weeks and months, also where clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ledger.calendar import Calendar, Retention

ZONES = [
    *("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu"),
    *("Pacific/Auckland", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia"),
]
_moments = st.datetimes(datetime(2000, 1, 1), datetime(2037, 12, 31)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)


def milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@given(moment=_moments, zone=st.sampled_from(ZONES))
def test_a_moment_is_in_the_day_that_its_clock_shows(moment: datetime, zone: str) -> None:
    buckets = Calendar(zone).buckets(milliseconds(moment))
    local = moment.astimezone(ZoneInfo(zone))
    assert buckets.hour.name == moment.strftime("%Y-%m-%dT%H")
    assert buckets.day.name == local.date().isoformat()
    assert buckets.month.name == local.strftime("%Y-%m")
    monday = date.fromisoformat(buckets.week.name)
    assert monday.weekday() == 0
    assert monday <= local.date() < monday + timedelta(days=7)


@given(moment=_moments, zone=st.sampled_from(ZONES))
def test_every_bucket_is_kept_for_its_time_after_its_end(moment: datetime, zone: str) -> None:
    calendar = Calendar(zone, Retention(hours=48, days=35, months=13))
    buckets = calendar.buckets(milliseconds(moment))
    now = moment.timestamp()
    assert 48 * 3600 < buckets.hour.expires_at - now <= 49 * 3600
    assert 35 * 86400 < buckets.day.expires_at - now <= (36 * 24 + 1) * 3600
    assert 13 * 31 * 86400 < buckets.month.expires_at - now <= (14 * 31 * 24 + 1) * 3600
    tomorrow = calendar.midnight(date.fromisoformat(buckets.day.name) + timedelta(days=1))
    assert calendar.buckets(milliseconds(tomorrow)).day.name > buckets.day.name


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("UTC", date(2026, 3, 29), 24),
    ],
)
def test_a_day_has_the_length_its_zone_gives_it(zone: str, day: date, hours: float) -> None:
    calendar = Calendar(zone)
    start, end = (calendar.midnight(day + timedelta(days=n)).timestamp() for n in (0, 1))
    assert (end - start) / 3600 == hours
    first, last = int(start * 1000), int(end * 1000) - 1
    assert {calendar.buckets(at).day.name for at in (first, last)} == {day.isoformat()}
    assert calendar.buckets(last + 1).day.name != day.isoformat()
