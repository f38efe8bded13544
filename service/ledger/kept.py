"""What Redis took last, kept for a while: it may forget it, and then it is sent again.

It writes to its disk each second, and a replica that takes its place may be many seconds behind.
What is kept is bounded in time and in bytes; of what was let go of it is still known how much there
was and about when it was asked, so that what cannot be sent again is counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from service.ledger.entry import Numbered

ENTRY_BYTES = 1_100
CHARGE_BYTES = 350
"""About what an entry and each charge of it take in memory."""
_MOMENT_MS = 60_000
_MOST_MOMENTS = 4_096
_MOST_GAPS = 1_024


class Forgotten(NamedTuple):
    """So many entries are gone that were asked about then, in milliseconds since the epoch."""

    number: int
    asked_at: int


class _Batch(NamedTuple):
    at: float
    entries: Sequence[Numbered]
    size: int


class Kept:
    """Batches in the order of their numbers, the newest ones that are within both bounds."""

    def __init__(self, *, seconds: float, max_bytes: int) -> None:
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._batches: deque[_Batch] = deque()
        self._bytes = 0

    @property
    def entries(self) -> list[Numbered]:
        """All of them, in order."""
        return [numbered for batch in self._batches for numbered in batch.entries]

    @property
    def newest_at(self) -> float | None:
        """When the last of them were sent; None where there are none."""
        return self._batches[-1].at if self._batches else None

    def keep(self, at: float, entries: Sequence[Numbered]) -> None:
        """Keep what was sent at a moment, after all others; what is too much goes, oldest first."""
        charges = sum(len(numbered.entry.charges) for numbered in entries)
        size = len(entries) * ENTRY_BYTES + charges * CHARGE_BYTES
        self._batches.append(_Batch(at, entries, size))
        self._bytes += size
        while self._bytes > self._max_bytes:
            self._bytes -= self._batches.popleft().size

    def forget(self, confirmed: float) -> None:
        """Let go of what had been sent long before Redis was seen to have it still."""
        while self._batches and self._batches[0].at < confirmed - self._seconds:
            self._bytes -= self._batches.popleft().size

    def take_back(self, mark: int) -> Sequence[Numbered]:
        """What has a higher number, in order; it is no longer kept."""
        after: deque[Numbered] = deque()
        while self._batches and self._batches[-1].entries[-1].number > mark:
            at, entries, size = self._batches.pop()
            self._bytes -= size
            after.extendleft(one for one in reversed(entries) if one.number > mark)
            if before := [one for one in entries if one.number <= mark]:
                self.keep(at, before)
        return after


class Taken:
    """Which numbers Redis took, and about when their entries were asked."""

    def __init__(self, mark: int = 0, asked_at: int = 0) -> None:
        self.mark = mark
        """The highest of them."""
        self.known = mark
        """Up to here it is known which they are; whoever sent the others still has them."""
        self._gaps: deque[tuple[int, int]] = deque(maxlen=_MOST_GAPS)
        """First and last of numbers that Redis never had."""
        self._moments: deque[tuple[int, int]] = deque(maxlen=_MOST_MOMENTS)
        """About once a minute the next number, and when its entry was asked."""
        if mark:
            self._moments.append((0, asked_at))

    def add(self, entries: Sequence[Numbered]) -> None:
        """Redis took these, which come after all that are known. The mark is set elsewhere."""
        first, last = entries[0], entries[-1]
        if last.number - self.known != len(entries):
            for before, one in pairwise((self.known, *(numbered.number for numbered in entries))):
                if one > before + 1:
                    self._gaps.append((before + 1, one - 1))
        asked_at = first.entry.asked_at
        if not self._moments or abs(asked_at - self._moments[-1][1]) >= _MOMENT_MS:
            self._moments.append((first.number, asked_at))
        self.known = last.number

    def go_back(self, mark: int, last: int) -> list[Forgotten]:
        """Redis has nothing above `mark`; what it had up to `last`, by when it was asked."""
        found: list[Forgotten] = []
        edges = [number for number, _ in self._moments if mark + 1 < number <= last]
        for first, end in pairwise((mark + 1, *edges, last + 1)):
            number = end - first - self._missing(first, end)
            if number > 0:
                found.append(Forgotten(number, self._asked_at(first)))
        self._forget(mark)
        self.mark, self.known = mark, min(mark, self.known)
        return found

    def _missing(self, first: int, end: int) -> int:
        """How many from a number on up to another, which is left out, Redis never had."""
        return sum(max(0, min(high + 1, end) - max(low, first)) for low, high in self._gaps)

    def _asked_at(self, number: int) -> int:
        found = self._moments[0][1] if self._moments else 0
        for first, asked_at in self._moments:
            if first > number:
                break
            found = asked_at
        return found

    def _forget(self, mark: int) -> None:
        while self._gaps and self._gaps[-1][1] > mark:
            low, _ = self._gaps.pop()
            if low <= mark:
                self._gaps.append((low, mark))
        while self._moments and self._moments[-1][0] > mark:
            self._moments.pop()
