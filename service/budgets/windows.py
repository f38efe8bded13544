"""Hours, days and months of a time zone's own clock, as spans of instants. Pure.

Windows follow each other without a gap: where clocks change, a day has 23 or 25 hours, and an hour
that comes twice is two windows.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

Kind = Literal["hour", "day", "month"]

_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Window:
    """From `start` to before `end`, in milliseconds since the epoch."""

    start: int
    end: int

    def __contains__(self, at: int) -> bool:
        return self.start <= at < self.end


class Windows:
    """The windows of one kind in one zone; the last one is remembered."""

    def __init__(self, kind: Kind, zone: ZoneInfo) -> None:
        self._kind: Kind = kind
        self._zone = zone
        self._last = Window(0, 0)

    def at(self, moment: int) -> Window:
        """The window that a moment, in milliseconds since the epoch, is in."""
        if moment not in self._last:
            self._last = window_at(self._kind, self._zone, moment)
        return self._last


def window_at(kind: Kind, zone: ZoneInfo, moment: int) -> Window:
    """The window that a moment, in milliseconds since the epoch, is in."""
    seconds = moment // 1000
    if kind == "hour":
        start, end = _hour(zone, seconds)
    else:
        first = _local(zone, seconds).date()
        first = first if kind == "day" else first.replace(day=1)
        start, end = _begins(zone, first), _begins(zone, _next(kind, first))
        # Where clocks go back over midnight, a date can come twice: its first midnight counts.
        while seconds >= end:
            first = _next(kind, first)
            start, end = end, _begins(zone, _next(kind, first))
        while seconds < start:
            first = _previous(kind, first)
            start, end = _begins(zone, first), start
    return Window(start * 1000, end * 1000)


def local_time(zone: ZoneInfo, moment: int) -> str:
    """A moment as people of the zone write it, with its offset: ISO 8601, to the second."""
    return _local(zone, moment // 1000).isoformat(timespec="seconds")


def _local(zone: ZoneInfo, seconds: int) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)).astimezone(zone)


def _offset(zone: ZoneInfo, seconds: int) -> int:
    offset = _local(zone, seconds).utcoffset()
    return 0 if offset is None else int(offset.total_seconds())


def _begins(zone: ZoneInfo, first: date) -> int:
    """The first instant of a date; of a midnight that is skipped, the instant of the change."""
    return int(datetime(first.year, first.month, first.day, tzinfo=zone).timestamp())


def _next(kind: Kind, first: date) -> date:
    if kind == "day":
        return first + timedelta(days=1)
    return (first.replace(day=1) + timedelta(days=32)).replace(day=1)


def _previous(kind: Kind, first: date) -> date:
    before = first - timedelta(days=1)
    return before if kind == "day" else before.replace(day=1)


def _hour(zone: ZoneInfo, seconds: int) -> tuple[int, int]:
    """The hour of the local clock, cut where clocks change."""
    offset = _offset(zone, seconds)
    start = seconds - (seconds + offset) % _HOUR
    end = start + _HOUR
    if _offset(zone, start) != offset:
        start = _change(zone, start, seconds)
    if _offset(zone, end - 1) != offset:
        end = _change(zone, seconds, end - 1)
    return start, end


def _change(zone: ZoneInfo, before: int, after: int) -> int:
    """The first second between two whose offset is the later one's."""
    offset = _offset(zone, after)
    while before + 1 < after:
        middle = (before + after) // 2
        if _offset(zone, middle) == offset:
            after = middle
        else:
            before = middle
    return after
