"""Which hours, days or months an export covers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from service.ledger.calendar import Calendar, hour_name, month_name
from service.ledger.export.rows import Grain

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_HOUR = timedelta(hours=1)


class DateError(ValueError):
    """A text is not a day; the message says how to write one."""


class Bucket(NamedTuple):
    """One hour, day or month: its name in the ledger, its first moment and the one after it."""

    name: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Span:
    """The days from `first` to `last`, both with it, on the ledger's calendar."""

    first: date
    last: date

    def buckets(self, grain: Grain, calendar: Calendar) -> Iterator[Bucket]:
        """Those that begin in it, oldest first; a month that it touches is there as a whole."""
        match grain:
            case "hour":
                return self._hours(calendar)
            case "day":
                return self._days(calendar)
            case "month":
                return self._months(calendar)

    def _hours(self, calendar: Calendar) -> Iterator[Bucket]:
        # The ledger's hours are those of UTC. In a zone half an hour off, midnight is inside one.
        midnight = calendar.midnight(self.first).astimezone(UTC)
        end = calendar.midnight(self.last + timedelta(days=1)).astimezone(UTC)
        hour = midnight.replace(minute=0, second=0)
        if hour < midnight:
            hour += _HOUR
        while hour < end:
            local, after = hour.astimezone(calendar.zone), hour + _HOUR
            yield Bucket(hour_name(hour), local, after.astimezone(calendar.zone))
            hour = after

    def _days(self, calendar: Calendar) -> Iterator[Bucket]:
        day = self.first
        while day <= self.last:
            after = day + timedelta(days=1)
            yield Bucket(day.isoformat(), calendar.midnight(day), calendar.midnight(after))
            day = after

    def _months(self, calendar: Calendar) -> Iterator[Bucket]:
        month = self.first.replace(day=1)
        while month <= self.last:
            after = (month + timedelta(days=32)).replace(day=1)
            yield Bucket(month_name(month), calendar.midnight(month), calendar.midnight(after))
            month = after


def parse_day(text: str, today: date) -> date:
    """`2026-11-01`, `today` or `yesterday` as a day. Raises `DateError`."""
    if text in ("today", "yesterday"):
        return today - timedelta(days=text == "yesterday")
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise DateError(f"{text!r} is not a day; write 2026-11-01, today or yesterday.")
