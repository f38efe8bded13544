"""Remembers the documents of days that are over: they are large, and hardly ever change."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from service.ledger.documents import Day

KEPT_SECONDS = 300.0
"""A request can end after midnight and still be of the day before."""
MOST_TOTALS = 20_000
"""Of all days together; a model's or an app's day is about 2 kB."""


class _Kept(NamedTuple):
    day: Day
    until: float
    totals: int


class FinishedDays:
    """Days by their dates, each for some minutes. What there is no room for is not remembered."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        kept_seconds: float = KEPT_SECONDS,
        most_totals: int = MOST_TOTALS,
    ) -> None:
        self._clock = clock
        self._kept_seconds = kept_seconds
        self._most_totals = most_totals
        self._kept: dict[str, _Kept] = {}

    def get(self, date: str) -> Day | None:
        """The document of a day; None where it is to be read again."""
        kept = self._kept.get(date)
        return kept.day if kept is not None and self._clock() < kept.until else None

    def keep(self, day: Day) -> None:
        """Remember a day that is over."""
        now = self._clock()
        self._kept = {date: kept for date, kept in self._kept.items() if now < kept.until}
        totals = 1 + len(day.by_service) + len(day.by_model) + len(day.by_app)
        if totals + sum(kept.totals for kept in self._kept.values()) <= self._most_totals:
            self._kept[day.date] = _Kept(day, now + self._kept_seconds, totals)

    def forget(self) -> None:
        """Let go of all: something may be added to them."""
        self._kept.clear()
