"""Times as people read them, in the time zone of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Moment:
    """A time twice: for machines in ISO 8601, for people as `text`."""

    iso: str
    text: str


@dataclass(frozen=True, slots=True)
class Zoned:
    """The moment of a page and the zone its times are told in."""

    now: datetime
    zone: ZoneInfo

    def updated(self) -> Moment:
        """The moment itself: 14:36:05 CET."""
        local = self.now.astimezone(self.zone)
        return Moment(local.isoformat(timespec="seconds"), f"{local:%H:%M:%S} {local.tzname()}")

    def clock(self, iso: str) -> Moment:
        """The time of day of an ISO 8601 time: 14:36:05."""
        return Moment(iso, f"{self._local(iso):%H:%M:%S}")

    def calendar(self, iso: str) -> Moment:
        """Day and minute of an ISO 8601 time: 30 Nov 00:00 CET."""
        local = self._local(iso)
        return Moment(iso, f"{local.day} {local:%b %H:%M} {local.tzname()}")

    def stamp(self, moment: datetime) -> str:
        """Day and time to the millisecond: 21 Nov 2026 14:36:05.123 CET."""
        local = moment.astimezone(self.zone)
        text = f"{local:%b %Y %H:%M:%S}.{local.microsecond // 1000:03d}"
        return f"{local.day} {text} {local.tzname()}"

    def _local(self, iso: str) -> datetime:
        return datetime.fromisoformat(iso).astimezone(self.zone)


def day_label(iso_date: str) -> str:
    """A day of the history: Sat 21 Nov."""
    day = date.fromisoformat(iso_date)
    return f"{day:%a} {day.day} {day:%b}"
