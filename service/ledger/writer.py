"""Sends one writer's entries to Redis in order, each applied exactly once.

Entries are numbered, and Redis keeps the number of the last one applied: the writer's mark. A batch
is applied where the mark is what the writer expects. Where it is ahead, a batch whose answer was
lost had been applied after all, and what it held is left out. Where it is behind, Redis has
forgotten what it took: it came back without what it had not yet written to disk, a replica that was
behind has taken its place, or it was emptied. What is still in memory is sent again, the rest is
told as lost. No time limit bounds either, and a batch that reaches Redis late, from a connection
given up, finds another mark.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

from service.ledger.entry import Recorded
from service.ledger.kept import Forgotten, Kept, Taken
from service.ledger.recording import BATCH_ENTRIES, Applied, Elsewhere, Numbered, Recorder

UNSYNCED_SECONDS = 5.0
"""Redis writes to disk every second, and may be two late."""

_APPLIED = Recorded("applied")
_DUPLICATE = Recorded("duplicate")


@dataclass(frozen=True, slots=True)
class Resend:
    """What a writer can send again: what Redis took in so many seconds, and in so much memory."""

    seconds: float = 30.0
    """A replica that is promoted may be so far behind without anything being lost."""
    max_bytes: int = 32 * 1024**2


class Relapse(NamedTuple):
    """Redis has forgotten what came after a mark: so many are sent again, the others are lost."""

    mark: int
    again: int
    lost: Sequence[Forgotten]


_RESEND = Resend()


class Writer:
    """One sequence of entries. Only one call may be under way at a time.

    `taken_until` is the number up to which Redis once had all, of entries that were asked before
    `asked_at`, where another process was the writer.
    """

    def __init__(
        self,
        name: str,
        recorder: Recorder,
        *,
        relapsed: Callable[[Relapse], None],
        taken_until: int = 0,
        asked_at: int = 0,
        unsynced_seconds: float = UNSYNCED_SECONDS,
        resend: Resend = _RESEND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._recorder = recorder
        self._relapsed = relapsed
        self._unsynced_seconds = unsynced_seconds
        self._clock = clock
        self._taken = Taken(taken_until, asked_at)
        seconds = max(resend.seconds, unsynced_seconds)
        self._kept = Kept(seconds=seconds, max_bytes=resend.max_bytes)
        self._again: deque[Numbered] = deque()
        """What Redis has forgotten and is to be sent again, in order: all above its mark."""
        self._confirmed = clock()

    @property
    def settled(self) -> bool:
        """Whether nothing is kept any more: Redis and its replicas have had time to have it all."""
        return self._kept.newest_at is None and not self._again

    @property
    def synced(self) -> bool:
        """Whether Redis has all that it took on disk."""
        newest = self._kept.newest_at
        late = newest is not None and newest >= self._confirmed - self._unsynced_seconds
        return not late and not self._again

    @property
    def unsynced(self) -> Sequence[Numbered]:
        """What Redis has taken and may still forget, or has forgotten already, in order."""
        return [*self._kept.entries, *self._again]

    @property
    def lost(self) -> bool:
        """Whether Redis has forgotten entries and does not have them again yet."""
        return bool(self._again)

    async def send(self, batch: Sequence[Numbered]) -> dict[int, Recorded]:
        """Have entries of ascending numbers applied; what became of each.

        Raises `StoreUnavailable`; sending the same again is then what to do.
        """
        outcomes: dict[int, Recorded] = {}
        if self._taken.known < self._taken.mark:
            self._recognise(batch)
        todo = _above(self._taken.mark, batch)
        while todo or self._again:
            await self._send_chunk(self._first_of(todo), outcomes)
            todo = _above(self._taken.mark, todo)
        return {numbered.number: outcomes.get(numbered.number, _APPLIED) for numbered in batch}

    async def confirm(self) -> None:
        """See that Redis still has what it took and takes more, and send again what it forgot.

        Raises `StoreUnavailable`.
        """
        started = self._clock()
        while (mark := await self._recorder.mark(self.name, self._taken.mark)) != self._taken.mark:
            self._go_on_from(mark, started, ())
            await self.send(())
        self._confirm(started)

    def _recognise(self, batch: Sequence[Numbered]) -> None:
        """Keep those that Redis was found to have when nobody had them in hand."""
        taken = self._taken
        found = [one for one in batch if taken.known < one.number <= taken.mark]
        self._keep(self._clock(), found, taken.mark)

    def _first_of(self, todo: Sequence[Numbered]) -> Sequence[Numbered]:
        """What is to be sent next; some may be to be sent again and in hand as well."""
        if not self._again:
            return todo[:BATCH_ENTRIES]
        waiting = (*islice(self._again, BATCH_ENTRIES), *todo[:BATCH_ENTRIES])
        by_number = {numbered.number: numbered for numbered in waiting}
        return [by_number[number] for number in sorted(by_number)[:BATCH_ENTRIES]]

    async def _send_chunk(self, chunk: Sequence[Numbered], outcomes: dict[int, Recorded]) -> None:
        """Send once."""
        last, started = chunk[-1].number, self._clock()
        distinct = _distinct(chunk)
        entries = distinct
        while True:
            answer = await self._recorder.apply(self.name, self._taken.mark, last, entries)
            if isinstance(answer, Elsewhere):
                self._go_on_from(answer.mark, started, chunk)
                return
            if isinstance(answer, Applied):
                break
            entries = [entry for entry in entries if entry.entry.id not in answer.ids]
        outcomes.update((numbered.number, _DUPLICATE) for numbered in chunk)
        outcomes.update(answer.outcomes)
        self._confirm(started)
        self._keep(started, distinct, last)

    def _go_on_from(self, mark: int, at: float, sent: Sequence[Numbered]) -> None:
        """Take up where Redis is, which is elsewhere than it was."""
        if mark < self._taken.mark:
            self._go_back(mark)
            return
        taken = {one.number: one for one in (*self._again, *sent) if one.number <= mark}
        self._keep(at, [taken[number] for number in sorted(taken)], mark)

    def _go_back(self, mark: int) -> None:
        """Redis has forgotten what it took: it is to be sent again, or it is lost."""
        kept = self._kept.take_back(mark)
        last = kept[0].number - 1 if kept else self._taken.known
        lost = self._taken.go_back(mark, last)
        self._again.extendleft(reversed(kept))
        if kept or lost:
            self._relapsed(Relapse(mark, len(kept), lost))

    def _keep(self, at: float, entries: Sequence[Numbered], mark: int) -> None:
        """Redis took these, and has all up to a mark."""
        if entries:
            self._taken.add(entries)
            self._kept.keep(at, entries)
        self._taken.mark = mark
        while self._again and self._again[0].number <= mark:
            self._again.popleft()

    def _confirm(self, started: float) -> None:
        self._confirmed = started
        self._kept.forget(started)


def _above(mark: int, entries: Sequence[Numbered]) -> Sequence[Numbered]:
    """Those of ascending numbers that come after a mark."""
    if not entries or entries[0].number > mark:
        return entries
    if entries[-1].number <= mark:
        return ()
    return [numbered for numbered in entries if numbered.number > mark]


def _distinct(chunk: Sequence[Numbered]) -> Sequence[Numbered]:
    if len({numbered.entry.id for numbered in chunk}) == len(chunk):
        return chunk
    distinct: dict[str, Numbered] = {}
    for numbered in chunk:
        distinct.setdefault(numbered.entry.id, numbered)
    return list(distinct.values())
