"""What Redis does not have yet, in order: on disk, and in memory what the disk refuses.

Entries go to the journal. Once it refuses one, that one and all after it are kept in memory up to a
bound, until the disk or Redis takes them; what exceeds the bound is lost and counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from service.ledger.entry import Entry, Numbered, Recorded
from service.ledger.held import Held, Line, lines_of
from service.ledger.journal import Journal, JournalRefused
from service.ledger.lines import read_line
from service.ledger.loss_file import Stake
from service.ledger.losses import Losses

logger = logging.getLogger(__name__)

_JOURNALED, _HELD, _DROPPED = Recorded("journaled"), Recorded("held"), Recorded("dropped")
_LINES_AT_ONCE = 4_096
_SHARE_OF_COPIES = 4
"""What Redis has already takes no more than a quarter of the room for what it does not have."""
_CAUSES = {
    "journal_full": "the journal is full",
    "journal_failed": "the journal cannot be written",
}
_REMEDIES = {
    "journal_full": "Bring Redis back, or raise the bound.",
    "journal_failed": "See that its disk has room and can be written.",
}


class Waiting(NamedTuple):
    """Entries to be sent next, and lines among them that nobody can read."""

    entries: Sequence[Numbered]
    damaged: int
    position: int
    """In the journal, behind them."""
    lines: int
    """How many of the lines in memory they are."""


class Backlog:
    """Of one worker. Only one call may be under way at a time."""

    def __init__(self, journal: Journal, losses: Losses, *, memory_max_bytes: int) -> None:
        self._journal = journal
        self._losses = losses
        self._held = Held(memory_max_bytes)
        self._position = 0
        self._on_disk = 0
        self._copied_until = 0
        """Up to this number Redis had them: they are neither pending nor ever lost."""
        self._refused: JournalRefused | None = None
        self._unreadable = False
        self._moved = self._lost = 0

    @property
    def pending(self) -> int:
        """How many entries wait, on disk and in memory."""
        return self._on_disk + self._held.count

    @property
    def held(self) -> int:
        """How many of them wait in memory alone."""
        return self._held.count

    @property
    def stake(self) -> Stake | None:
        """What would be lost if this process were killed."""
        refused = self._refused
        return None if refused is None else self._held.stake(refused.kind, self._copied_until)

    @property
    def refused(self) -> str | None:
        """Why the journal takes no entries; None where it does, as far as is known."""
        return None if self._refused is None else str(self._refused)

    @property
    def empty(self) -> bool:
        """Whether all that was kept has been sent, copies included."""
        return not self._held and self._position >= self._journal.size

    async def add(self, entries: Sequence[Numbered]) -> list[Recorded]:
        """Keep entries that come after all that were added before; what became of each."""
        lines = await asyncio.to_thread(lines_of, entries)
        kept = await self._keep([line for line in lines if line is not None])
        outcomes: list[Recorded] = []
        lost: list[Entry] = []
        for numbered, line in zip(entries, lines, strict=True):
            outcome = _DROPPED if line is None else kept[line.number]
            outcomes.append(outcome)
            if line is None:
                self._losses.count(1, "journal_failed", "it cannot be written")
            elif outcome is _DROPPED:
                lost.append(numbered.entry)
            elif outcome is _JOURNALED:
                self._on_disk += 1
        self._lose(
            lost,
            f"there is no more room in memory either ({self._held.max_bytes} bytes, "
            "GAUGEWAY_LEDGER_MEMORY_MAX_BYTES)",
        )
        return outcomes

    async def copy(self, entries: Sequence[Numbered]) -> None:
        """Keep what Redis has taken and may forget, before all else: the newest within a share."""
        if entries:
            self._copied_until = entries[-1].number
            lines = await asyncio.to_thread(lines_of, entries)
            room = min(self._journal.max_bytes, self._held.max_bytes or self._journal.max_bytes)
            await self._keep(_newest(lines, room // _SHARE_OF_COPIES))

    async def flush(self) -> None:
        """Write to disk what is in memory, as far as the disk takes it."""
        try:
            await asyncio.to_thread(self._journal.keep_named)
        except JournalRefused as refused:
            self._note(refused)
        waited = bool(self._held)
        while self._held:
            part = self._held.first(_LINES_AT_ONCE)
            written = await self._append(part)
            moved = sum(self._held.let_go(self._copied_until) for _ in range(written))
            self._on_disk += moved
            self._moved += moved
            if written < len(part):
                return
        if waited:
            self._writable()

    async def probe(self) -> None:
        """Look whether a disk that refused entries takes some again, where none wait for that."""
        if self._refused is None or self._held:
            return
        try:
            await asyncio.to_thread(self._journal.probe)
        except JournalRefused as refused:
            self._note(refused)
        else:
            self._writable()

    async def read(self, most: int) -> Waiting:
        """So many of those that wait, the oldest first. Raises `OSError`, which is said once."""
        if self._position < self._journal.size:
            try:
                part = await asyncio.to_thread(self._journal.read, self._position, most)
            except OSError as error:
                self._say_unreadable(error)
                raise
            self._unreadable = False
            if part.position > self._position:
                return Waiting(part.entries, part.damaged, part.position, 0)
            # Somebody cut the file off: what it held is gone.
            return Waiting((), self._on_disk, self._journal.size, 0)
        found = [read_line(line.data) for line in self._held.first(most)]
        entries = [numbered for numbered in found if numbered is not None]
        return Waiting(entries, 0, self._position, len(found))

    def done(self, waiting: Waiting) -> int:
        """Let go of what was read and is in Redis now; how many of them had waited for that."""
        self._position = waiting.position
        if waiting.lines:
            return sum(self._held.let_go(self._copied_until) for _ in range(waiting.lines))
        fresh = sum(numbered.number > self._copied_until for numbered in waiting.entries)
        self._on_disk = max(0, self._on_disk - fresh - waiting.damaged)
        asked_at = waiting.entries[-1].entry.asked_at if waiting.entries else None
        self._losses.count(
            waiting.damaged, "journal_failed", "lines on disk are damaged", asked_at=asked_at
        )
        return fresh

    async def clear(self) -> None:
        """Begin anew: Redis has all of it."""
        try:
            await asyncio.to_thread(self._journal.clear)
            self._position = 0
        except OSError as error:
            # It stays, and nothing of it is sent again.
            logger.debug("%s cannot be emptied: %s", self._journal.path, error)
        self._on_disk = 0
        if self._refused is not None and self._refused.kind == "journal_full":
            self._refused = None

    async def close(self) -> None:
        """Leave on disk what waits; what the disk does not take is lost."""
        await self.flush()
        left = [read_line(line.data) for line in self._held.first(len(self._held))]
        waiting = [one.entry for one in left if one and one.number > self._copied_until]
        self._lose(waiting, "the process that kept them in memory ends")
        self._held = Held(0)
        await asyncio.to_thread(self._journal.close)

    async def _keep(self, lines: Sequence[Line]) -> dict[int, Recorded]:
        """On disk, else in memory, by number."""
        if self._held and not self._held.fits(lines):
            await self.flush()
        written = 0
        if not self._held:
            written = await self._append(lines)
            if written == len(lines):
                self._writable()
        kept = {line.number: _JOURNALED for line in lines[:written]}
        for line in lines[written:]:
            if self._held.fits([line]):
                self._held.keep(line, copy=line.number <= self._copied_until)
                kept[line.number] = _HELD
            else:
                kept[line.number] = _DROPPED
        return kept

    async def _append(self, lines: Sequence[Line]) -> int:
        """Write to disk; how many of them it took."""
        try:
            await asyncio.to_thread(self._journal.append_lines, [line.data for line in lines])
        except JournalRefused as refused:
            self._note(refused)
            return refused.written
        return len(lines)

    def _lose(self, entries: Sequence[Entry], why: str) -> None:
        if entries and self._refused is not None:
            self._lost += len(entries)
            self._losses.lose(
                entries,
                self._refused.kind,
                f"{_CAUSES[self._refused.kind]} ({self._refused}), and {why}",
            )

    def _say_unreadable(self, error: OSError) -> None:
        if not self._unreadable:
            self._unreadable = True
            logger.error(
                "The journal %s cannot be read: %s. What is in it, and all that comes after, waits "
                "until it can.",
                self._journal.path,
                error.strerror or error,
            )

    def _note(self, refused: JournalRefused) -> None:
        if self._refused is None:
            self._moved = self._lost = 0
            logger.warning(
                "The journal %s takes no usage entries: %s. They are kept in memory, up to %d "
                "bytes, and would be lost with this process. %s",
                self._journal.path,
                refused,
                self._held.max_bytes,
                _REMEDIES[refused.kind],
            )
        self._refused = refused

    def _writable(self) -> None:
        if self._refused is not None:
            self._refused = None
            logger.warning(
                "The journal %s takes usage entries again: %d that were kept in memory are on "
                "disk, %d were lost.",
                self._journal.path,
                self._moved,
                self._lost,
            )


def _newest(lines: Sequence[Line | None], most_bytes: int) -> Sequence[Line]:
    """The last of them that are so many bytes together."""
    found: deque[Line] = deque()
    for line in reversed(lines):
        if line is not None:
            most_bytes -= len(line.data)
            if most_bytes < 0:
                break
            found.appendleft(line)
    return list(found)
