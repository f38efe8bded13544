"""What one worker keeps in memory because the disk refuses it: entries as lines, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from service.ledger.entry import LossKind, Numbered
from service.ledger.lines import write_line
from service.ledger.loss_file import QUARTER_MS, Stake

_MOST_QUARTERS = 200


class Line(NamedTuple):
    """An entry as a line of a journal, with its number and the quarter of an hour it is of."""

    number: int
    data: bytes
    quarter: int


class Held:
    """Lines up to a bound in bytes; those that are copies are not counted."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._lines: deque[Line] = deque()
        self._bytes = 0
        self._count = 0
        self._by_quarter: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def count(self) -> int:
        """How many there are, without copies."""
        return self._count

    def first(self, most: int) -> Sequence[Line]:
        """So many, the oldest first."""
        return list(islice(self._lines, most))

    def fits(self, lines: Sequence[Line]) -> bool:
        """Whether there is room for these too."""
        return self._bytes + sum(len(line.data) for line in lines) <= self.max_bytes

    def keep(self, line: Line, *, copy: bool) -> None:
        """Put it behind the others."""
        self._lines.append(line)
        self._bytes += len(line.data)
        if not copy:
            self._count += 1
            self._by_quarter[line.quarter] = self._by_quarter.get(line.quarter, 0) + 1

    def let_go(self, copied_until: int) -> bool:
        """Forget the first; whether it was none of the copies, which go up to that number."""
        line = self._lines.popleft()
        self._bytes -= len(line.data)
        if line.number <= copied_until:
            return False
        self._count -= 1
        self._by_quarter[line.quarter] -= 1
        if not self._by_quarter[line.quarter]:
            del self._by_quarter[line.quarter]
        return True

    def stake(self, reason: LossKind, copied_until: int) -> Stake | None:
        """What would be lost if this process were killed."""
        if not self._count:
            return None
        quarters = sorted(self._by_quarter.items())
        # The file has room for so many; older ones are told as of the oldest of these.
        older, kept = quarters[:-_MOST_QUARTERS], quarters[-_MOST_QUARTERS:]
        requests = dict(kept)
        requests[kept[0][0]] += sum(number for _, number in older)
        first = next(line.number for line in self._lines if line.number > copied_until)
        return Stake(first, self._lines[-1].number, reason, requests)


def lines_of(entries: Sequence[Numbered]) -> list[Line | None]:
    """Entries as lines; None for what cannot be one."""
    return [_line(numbered) for numbered in entries]


def _line(numbered: Numbered) -> Line | None:
    try:
        quarter = numbered.entry.asked_at // QUARTER_MS * QUARTER_MS
        return Line(numbered.number, write_line(numbered), quarter)
    except (TypeError, ValueError, AttributeError):
        return None
