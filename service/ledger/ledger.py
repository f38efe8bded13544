"""Takes entries from requests and gets each into Redis exactly once, by way of disk if need be."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from otel.instruments import Instruments
from service.background import BackgroundTask
from service.ledger.adoption import LOOK_SECONDS, Adoption
from service.ledger.entry import Entry, Recorded
from service.ledger.journal import Journal, JournalFull, any_waiting, writer_name
from service.ledger.losses import Losses
from service.ledger.recording import BATCH_ENTRIES, Numbered, Recorder
from service.ledger.writer import Writer
from service.redis_store import StoreUnavailable

logger = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
CONFIRM_SECONDS = 1.0
CLOSE_SECONDS = 3.0
_JOURNAL_ENTRIES = 4_096
_DROPPED = Recorded("dropped")
_JOURNALED = Recorded("journaled")
JOURNAL_FOLDER = "journal"
"""Inside GAUGEWAY_HOME."""


class _Posted(NamedTuple):
    numbered: Numbered
    answer: asyncio.Future[Recorded]


class Ledger:
    """One worker's way into the ledger. Everything happens in one task, so order is kept."""

    def __init__(
        self,
        recorder: Recorder,
        *,
        home: Path,
        journal_max_bytes: int,
        instruments: Instruments,
        retry_seconds: float = RETRY_SECONDS,
        confirm_seconds: float = CONFIRM_SECONDS,
        adopt_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._instruments = instruments
        self._retry_seconds = retry_seconds
        self._confirm_seconds = confirm_seconds
        self._writer = Writer(writer_name(), recorder)
        self._folder = folder = home / JOURNAL_FOLDER
        self._journal = Journal(folder, self._writer.name, max_bytes=journal_max_bytes)
        self._losses = Losses(instruments, folder)
        self._adoption = Adoption(
            folder,
            recorder,
            self._losses,
            lambda: self.available,
            instruments=instruments,
            look_seconds=adopt_seconds,
        )
        self._queue: deque[_Posted] = deque()
        self._wake = asyncio.Event()
        self._number = 0
        self._away = False
        self._reached = True
        self._position = 0
        self._pending = 0
        self._copied_until = 0
        self._stopping = False
        self._closed = False
        self._task = BackgroundTask(
            "usage ledger",
            self._run,
            every=retry_seconds,
            instruments=instruments,
            meanwhile="Entries wait in memory.",
            at_once=True,
            endless=True,
        )
        self.background = (self._task, self._adoption.task)

    @property
    def available(self) -> bool:
        """Whether Redis takes entries now."""
        return self._reached

    @property
    def writer(self) -> str:
        """The name that this worker's entries go by."""
        return self._writer.name

    @property
    def pending(self) -> int:
        """How many entries wait in this worker's journal."""
        return self._pending

    async def waiting(self) -> bool:
        """Whether entries of any worker of this home wait on disk."""
        return self._pending > 0 or await asyncio.to_thread(any_waiting, self._folder)

    def post(self, entry: Entry) -> asyncio.Future[Recorded]:
        """Record an entry. Never raises; the future says where it is: in Redis, on disk or lost."""
        answer: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        if self._closed:
            self._losses.count(1, "journal_failed", "it was posted after the ledger was closed")
            answer.set_result(_DROPPED)
            return answer
        self._number += 1
        self._queue.append(_Posted(Numbered(self._number, entry), answer))
        self._wake.set()
        return answer

    async def start(self) -> None:
        """Begin to write, and to look for journals that workers left behind."""
        self._instruments.observe_ledger_pending(lambda: [(self._pending, {})])
        try:
            await self._writer.confirm()
        except StoreUnavailable as error:
            self._go_away(error)
        self._task.start()
        self._adoption.start()

    async def close(self) -> None:
        """Write what is left, to disk what Redis does not take within a bound. Safe to repeat."""
        self._closed = self._stopping = True
        self._wake.set()
        await self._adoption.close()
        await self._task.finish(CLOSE_SECONDS)
        # In the order of their numbers: before what was posted later, or not at all.
        if (self._away or self._writer.lost) and not self._journal.size:
            await self._copy_unsynced()
        while self._queue:
            await self._write_queue()
        await asyncio.to_thread(self._journal.close)

    async def _run(self) -> None:
        while not self._stopping or (self._queue and not self._away):
            try:
                await self._wait()
                if self._away:
                    await self._write_queue()
                    if not self._stopping:
                        await self._catch_up()
                else:
                    await self._send_queue()
            except Exception:
                logger.exception("The usage ledger met an error of its own; it goes on.")
                if not self._away:
                    self._away = True
                    await self._copy_unsynced()
                await asyncio.sleep(self._retry_seconds)

    async def _wait(self) -> None:
        """Until there is something to write, or it is time to look at Redis again."""
        if self._queue or self._stopping:
            self._wake.clear()
            return
        seconds = None
        if self._away:
            seconds = self._retry_seconds
        elif not self._writer.settled:
            seconds = self._confirm_seconds
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            pass
        self._wake.clear()

    async def _send_queue(self) -> None:
        try:
            if not self._queue:
                await self._writer.confirm()
            while self._queue:
                batch = [self._queue[n] for n in range(min(len(self._queue), BATCH_ENTRIES))]
                outcomes = await self._apply([posted.numbered for posted in batch])
                for posted in batch:
                    self._queue.popleft()
                    _resolve(posted, outcomes[posted.numbered.number])
        except StoreUnavailable as error:
            self._go_away(error)
            await self._copy_unsynced()

    async def _apply(self, entries: Sequence[Numbered]) -> dict[int, Recorded]:
        try:
            return await self._writer.send(entries)
        except StoreUnavailable:
            raise
        except Exception:
            logger.exception("A batch of usage entries cannot be sent; they are sent one by one.")
        outcomes: dict[int, Recorded] = {}
        for numbered in entries:
            try:
                outcomes.update(await self._writer.send([numbered]))
            except (TypeError, ValueError, AttributeError) as error:
                self._losses.count(1, "journal_failed", f"it cannot be written ({error})")
                outcomes[numbered.number] = _DROPPED
        return outcomes

    async def _catch_up(self) -> None:
        """Apply what is on disk, in order; then entries go to Redis again."""
        started, applied = time.monotonic(), 0
        try:
            await self._writer.confirm()
            while True:
                part = await asyncio.to_thread(
                    self._journal.read, self._position, 4 * BATCH_ENTRIES
                )
                if part.damaged:
                    self._losses.count(
                        part.damaged, "journal_failed", "its line on disk is damaged"
                    )
                if part.position == self._position:
                    break
                await self._apply(part.entries)
                self._reached = True
                waited = sum(numbered.number > self._copied_until for numbered in part.entries)
                applied += waited
                self._position = part.position
                self._pending = max(0, self._pending - waited - part.damaged)
                if self._queue and self._position < self._journal.size:
                    await self._write_queue()
            await asyncio.to_thread(self._journal.clear)
        except StoreUnavailable:
            self._reached = False
            return
        self._position = self._pending = 0
        self._away, self._reached = False, True
        self._losses.over()
        logger.warning(
            "Redis takes usage entries again; %d from disk were applied in %.1f s.",
            applied,
            time.monotonic() - started,
        )

    def _go_away(self, error: StoreUnavailable) -> None:
        self._reached = False
        if not self._away:
            self._away = True
            logger.warning(
                "Redis takes no usage entries (%s) They are kept in %s until it does.",
                error,
                self._journal.path,
            )

    async def _copy_unsynced(self) -> None:
        """Keep on disk too what Redis may lose or has lost: we may end before it is back."""
        entries = self._writer.unsynced
        if entries:
            try:
                await asyncio.to_thread(self._journal.append, entries)
                self._copied_until = entries[-1].number
            except (JournalFull, OSError, TypeError, ValueError):
                logger.warning("What Redis took last could not be copied to disk.")

    async def _write_queue(self) -> None:
        """Move entries from memory to disk."""
        batch = [self._queue[n] for n in range(min(len(self._queue), _JOURNAL_ENTRIES))]
        if not batch:
            return
        written, kind, why = len(batch), "", ""
        try:
            await asyncio.to_thread(self._journal.append, [posted.numbered for posted in batch])
        except JournalFull as full:
            written, kind, why = full.written, "journal_full", "the journal is full"
        except (OSError, TypeError, ValueError) as error:
            written, kind, why = 0, "journal_failed", f"the journal cannot be written ({error})"
        self._pending += written
        if kind:
            self._losses.count(len(batch) - written, kind, why)
        for position, posted in enumerate(batch):
            self._queue.popleft()
            _resolve(posted, _JOURNALED if position < written else _DROPPED)


def _resolve(posted: _Posted, outcome: Recorded) -> None:
    if not posted.answer.done():
        posted.answer.set_result(outcome)
