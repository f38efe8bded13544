"""What one worker lost, until Redis knows of it: in memory, and in a file that survives a restart.

Losses are numbered like entries, with a mark of their own in Redis, so that each is counted once
whoever tells of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping

from service.ledger.counters import add
from service.ledger.entry import LossKind
from service.ledger.loss_file import QUARTER_MS, Contents, LossFile, Lost, Stake
from service.ledger.loss_recording import LossRecorder
from service.ledger.writer import UNSYNCED_SECONDS
from service.redis_store import StoreUnavailable

logger = logging.getLogger(__name__)

_MOST_RECORDS = 80
"""Of different quarters of an hour and reasons: they fit into the file."""


class LossBook:
    """Of one worker, or what a file that was taken over holds."""

    def __init__(
        self,
        file: LossFile,
        recorder: LossRecorder,
        *,
        unsynced_seconds: float = UNSYNCED_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = file
        self._recorder = recorder
        self._unsynced_seconds = unsynced_seconds
        self._clock = clock
        self._losses: list[Lost] = []
        self._stake: Stake | None = None
        self._number = 0
        self._tried = 0
        """Up to this number Redis may know of them: they are not changed any more."""
        self._mark = 0
        self._told_at = 0.0
        self._saved = True
        self._lock = asyncio.Lock()

    @property
    def untold(self) -> int:
        """How many lost entries Redis does not know of."""
        waiting = (lost for lost in self._losses if lost.number > self._mark)
        return sum(lost.amounts.get("requests", 0) for lost in waiting)

    @property
    def settled(self) -> bool:
        """Whether Redis has all of it on disk."""
        return not self._losses

    async def open(self) -> None:
        """Take the room on disk, unless it is taken; where there is none, the next call tries."""
        async with self._lock:
            with contextlib.suppress(OSError):
                if await asyncio.to_thread(self._file.open):
                    self._saved = not self._losses and self._stake is None

    async def take_over(self) -> Contents:
        """Read what a worker that is gone left. Raises `OSError`."""
        found = await asyncio.to_thread(self._file.read)
        self._losses = found.losses
        self._number = self._tried = max((lost.number for lost in found.losses), default=0)
        return found

    def risk(self, stake: Stake | None) -> None:
        """Note what would be lost with this process; `save` is to follow."""
        if stake != self._stake:
            self._stake, self._saved = stake, False

    def add(self, asked_at: int, reason: LossKind, amounts: Mapping[str, int]) -> None:
        """Count entries that were lost; `save` and `tell` are to follow."""
        self._saved = False
        quarter = asked_at // QUARTER_MS * QUARTER_MS
        for n, lost in enumerate(self._losses):
            if lost.number > self._tried and (lost.asked_at, lost.reason) == (quarter, reason):
                self._losses[n] = lost._replace(amounts=_sum(lost.amounts, amounts))
                return
        self._number += 1
        self._losses.append(Lost(self._number, quarter, reason, dict(amounts)))
        if len(self._losses) > _MOST_RECORDS:
            self._merge()

    async def save(self) -> None:
        """Have the file hold what Redis may not know of; where it fails, the next call tries."""
        async with self._lock:
            await self._save()

    async def tell(self) -> None:
        """Tell Redis of what it does not know; what it has on disk by then is let go of.

        Raises `StoreUnavailable`.
        """
        async with self._lock:
            if not self._losses:
                return
            while waiting := [lost for lost in self._losses if lost.number > self._mark]:
                self._tried = self._losses[-1].number
                self._mark = await self._recorder.tell(self._file.writer, self._mark, waiting[0])
                self._told_at, self._saved = self._clock(), False
            await self._save()
            await self._settle()

    async def close(self) -> None:
        """Leave what Redis may not have to whoever takes the file over. Safe to repeat."""
        with contextlib.suppress(StoreUnavailable, TimeoutError):
            async with asyncio.timeout(1.0):
                await self.tell()
        if self._losses:
            await self.save()
            await asyncio.to_thread(self._file.close)
        else:
            await asyncio.to_thread(self._file.remove)

    async def _settle(self) -> None:
        # Asked before it is time, so that what Redis has forgotten is told again meanwhile.
        self._mark = await self._recorder.mark(self._file.writer, self._mark)
        if self._clock() - self._told_at < self._unsynced_seconds:
            return
        kept = [lost for lost in self._losses if lost.number > self._mark]
        if kept != self._losses:
            self._losses, self._saved = kept, False
            await self._save()

    async def _save(self) -> None:
        if self._saved:
            return
        self._saved = True
        try:
            await asyncio.to_thread(
                self._file.write, list(self._losses), self._stake, told=not self.untold
            )
        except OSError as error:
            self._saved = False
            logger.debug("%s cannot be written: %s", self._file.path, error)

    def _merge(self) -> None:
        """Count the oldest together with the next of its reason: the file has room for so many."""
        oldest: dict[LossKind, int] = {}
        for n, lost in enumerate(self._losses):
            if lost.number <= self._tried:
                continue
            if lost.reason in oldest:
                older = self._losses[oldest[lost.reason]]
                self._losses[n] = lost._replace(amounts=_sum(lost.amounts, older.amounts))
                del self._losses[oldest[lost.reason]]
                return
            oldest[lost.reason] = n


def _sum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    total = dict(one)
    add(total, other)
    return total
