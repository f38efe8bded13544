"""Which hour, day, week and month a moment belongs to, and how long each is kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

Grain = Literal["hour", "day", "week", "month"]
PREFIX = "gaugeway:{ledger}:"
"""What all keys begin with; the braces make them one slot of a Redis Cluster."""
# Every offset that is in use today is a multiple of this, and so is every change of one.
_SLOT_MS = 15 * 60 * 1000


class Bucket(NamedTuple):
    """One hour, day, week or month; `expires_at` is in seconds since the epoch."""

    grain: Grain
    name: str
    expires_at: int

    @property
    def prefix(self) -> str:
        """What the keys of its counters begin with."""
        return usage_prefix(self.grain, self.name)


class Buckets(NamedTuple):
    """Where one moment is counted; by week only users are."""

    hour: Bucket
    day: Bucket
    month: Bucket
    week: Bucket


@dataclass(frozen=True, slots=True)
class Retention:
    """How long usage is kept after the end of its hour, day or month."""

    hours: int = 48
    days: int = 35
    months: int = 13


def usage_prefix(grain: Grain, name: str) -> str:
    """What the keys of a bucket's counters begin with."""
    return f"{PREFIX}usage:{grain}:{name}:"


def hour_name(moment: datetime) -> str:
    """The name of an hour, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H")


def month_name(day: date) -> str:
    """The name of a day's month."""
    return f"{day:%Y-%m}"


class Calendar:
    """Days, weeks from Monday and months in one time zone; hours in UTC."""

    def __init__(self, time_zone: str = "UTC", retention: Retention | None = None) -> None:
        self.time_zone = time_zone
        self.zone = ZoneInfo(time_zone)
        self.retention = retention or Retention()
        self._slot = lru_cache(maxsize=512)(self._buckets)

    def buckets(self, milliseconds: int) -> Buckets:
        """The buckets of a moment since the epoch."""
        return self._slot(milliseconds // _SLOT_MS)

    def local(self, milliseconds: int) -> datetime:
        """A moment on this calendar's clock."""
        return datetime.fromtimestamp(milliseconds / 1000, self.zone)

    def midnight(self, day: date) -> datetime:
        """The moment a day begins."""
        return datetime(day.year, day.month, day.day, tzinfo=self.zone)

    def _buckets(self, slot: int) -> Buckets:
        kept = self.retention
        start = slot * _SLOT_MS // 1000
        hour = datetime.fromtimestamp(start, UTC)
        today = datetime.fromtimestamp(start, self.zone).date()
        monday = today - timedelta(days=today.weekday())
        next_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
        day_end = self._seconds(today + timedelta(days=1))
        days, months = kept.days * 86_400, kept.months * 31 * 86_400
        return Buckets(
            Bucket("hour", hour_name(hour), start // 3600 * 3600 + 3600 + kept.hours * 3600),
            Bucket("day", today.isoformat(), day_end + days),
            Bucket("month", month_name(today), self._seconds(next_month) + months),
            Bucket("week", monday.isoformat(), self._seconds(monday + timedelta(days=7)) + days),
        )

    def _seconds(self, day: date) -> int:
        return int(self.midnight(day).timestamp())
