"""Sends one writer's entries to Redis in order, each applied exactly once.

Entries are numbered, and Redis keeps the number of the last one applied: the writer's mark. A batch
is applied where the mark is what the writer expects. Where it is ahead, a batch whose answer was
lost had been applied after all, and what it held is left out. Where it is behind, Redis came back
without what it had not yet written to disk, and that is sent again from memory. No time limit
bounds either, and a batch that reaches Redis late, from a connection given up, finds another mark.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from service.ledger.entry import Recorded
from service.ledger.recording import BATCH_ENTRIES, Applied, Elsewhere, Numbered, Recorder

UNSYNCED_SECONDS = 5.0
"""Redis writes to disk every second, and may be two late; an entry is kept here for longer."""

_APPLIED = Recorded("applied")
_DUPLICATE = Recorded("duplicate")


class _Sent(NamedTuple):
    at: float
    numbered: Numbered


class Writer:
    """One sequence of entries. Only one call may be under way at a time."""

    def __init__(
        self,
        name: str,
        recorder: Recorder,
        *,
        unsynced_seconds: float = UNSYNCED_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._recorder = recorder
        self._unsynced_seconds = unsynced_seconds
        self._clock = clock
        self._mark = 0
        self._unsynced: deque[_Sent] = deque()
        self._lost: dict[int, Numbered] = {}

    @property
    def settled(self) -> bool:
        """Whether Redis has all that it took on disk."""
        return not self._unsynced and not self._lost

    @property
    def unsynced(self) -> Sequence[Numbered]:
        """What Redis has taken and may still forget, or has forgotten already, in order."""
        taken = [sent.numbered for sent in self._unsynced]
        return sorted([*taken, *self._lost.values()], key=lambda numbered: numbered.number)

    @property
    def lost(self) -> bool:
        """Whether Redis has forgotten entries and does not have them again yet."""
        return bool(self._lost)

    async def send(self, batch: Sequence[Numbered]) -> dict[int, Recorded]:
        """Have entries of ascending numbers applied; what became of each.

        Raises `StoreUnavailable`; sending the same again is then what to do.
        """
        outcomes: dict[int, Recorded] = {}
        todo = {numbered.number: numbered for numbered in batch if numbered.number > self._mark}
        while todo or self._lost:
            todo.update(self._lost)
            chunk = [todo[number] for number in sorted(todo)[:BATCH_ENTRIES]]
            mark = await self._send_chunk(chunk, outcomes)
            for number in [number for number in todo if number <= mark]:
                del todo[number]
        return {numbered.number: outcomes.get(numbered.number, _APPLIED) for numbered in batch}

    async def confirm(self) -> None:
        """See that Redis still has what it took and takes more, and send again what it lost.

        Raises `StoreUnavailable`.
        """
        started = self._clock()
        while (mark := await self._recorder.mark(self.name, self._mark)) != self._mark:
            self._go_on_from(mark)
            await self.send(())
        self._forget(started)

    async def _send_chunk(self, chunk: Sequence[Numbered], outcomes: dict[int, Recorded]) -> int:
        """Send once; the mark after it."""
        last, started = chunk[-1].number, self._clock()
        distinct = _distinct(chunk)
        entries = list(distinct.values())
        while True:
            answer = await self._recorder.apply(self.name, self._mark, last, entries)
            if isinstance(answer, Elsewhere):
                self._go_on_from(answer.mark)
                self._taken(started, [sent for sent in chunk if sent.number <= answer.mark])
                return answer.mark
            if isinstance(answer, Applied):
                break
            entries = [entry for entry in entries if entry.entry.id not in answer.ids]
        outcomes.update((numbered.number, _DUPLICATE) for numbered in chunk)
        outcomes.update(answer.outcomes)
        self._mark = last
        self._forget(started)
        self._taken(started, list(distinct.values()))
        return last

    def _go_on_from(self, mark: int) -> None:
        while self._unsynced and self._unsynced[-1].numbered.number > mark:
            lost = self._unsynced.pop().numbered
            self._lost[lost.number] = lost
        self._mark = mark

    def _taken(self, at: float, entries: Sequence[Numbered]) -> None:
        newest = self._unsynced[-1].numbered.number if self._unsynced else 0
        self._unsynced.extend(_Sent(at, entry) for entry in entries if entry.number > newest)
        for number in [number for number in self._lost if number <= self._mark]:
            del self._lost[number]

    def _forget(self, confirmed: float) -> None:
        """Let go of what had been sent long before Redis confirmed that it still has it."""
        while self._unsynced and self._unsynced[0].at < confirmed - self._unsynced_seconds:
            self._unsynced.popleft()


def _distinct(chunk: Sequence[Numbered]) -> dict[str, Numbered]:
    distinct: dict[str, Numbered] = {}
    for numbered in chunk:
        distinct.setdefault(numbered.entry.id, numbered)
    return distinct
