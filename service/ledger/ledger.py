"""Takes entries from requests and gets each into Redis exactly once, by way of disk if need be."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from otel import names
from otel.instruments import Instruments
from service.background import BackgroundTask
from service.ledger.adoption import LOOK_SECONDS, Adoption
from service.ledger.backlog import Backlog
from service.ledger.entry import Entry, Recorded
from service.ledger.journal import Journal, writer_name
from service.ledger.loss_book import LossBook
from service.ledger.losses import Losses
from service.ledger.places import Places
from service.ledger.recording import BATCH_ENTRIES, Numbered, Recorder
from service.ledger.relapses import relapses_into
from service.ledger.writer import Resend, Writer
from service.redis_store import StoreUnavailable

logger = logging.getLogger(__name__)

RETRY_SECONDS = 0.5
CONFIRM_SECONDS = 1.0
PROBE_SECONDS = 5.0
"""How often a disk that refused entries is looked at again where none wait for it."""
IDLE_SECONDS = 5.0
"""How often Redis is asked whether it still has what it took, where nothing is written."""
CLOSE_SECONDS = 3.0
MEMORY_BYTES = 16 * 1024**2
_QUEUED_ENTRIES = 4_096
_DROPPED = Recorded("dropped")


_RESEND = Resend()


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
        memory_max_bytes: int = MEMORY_BYTES,
        watchful: bool = False,
        resend: Resend = _RESEND,
        retry_seconds: float = RETRY_SECONDS,
        confirm_seconds: float = CONFIRM_SECONDS,
        adopt_seconds: float = LOOK_SECONDS,
        probe_seconds: float = PROBE_SECONDS,
    ) -> None:
        """`watchful`: whether Redis is asked each second that nothing is written, too."""
        self._instruments = instruments
        self._watchful = watchful
        self._retry_seconds = retry_seconds
        self._confirm_seconds = confirm_seconds
        self._probe_seconds = probe_seconds
        self._places = Places(home)
        name = writer_name()
        # Redis may forget what was lost as it may forget entries.
        book = LossBook(
            self._places.loss_file(name), recorder.losses, unsynced_seconds=resend.seconds
        )
        self._losses = Losses(instruments, book)
        self._writer = Writer(name, recorder, relapsed=relapses_into(self._losses), resend=resend)
        self._journal = Journal(self._places.journals, name, max_bytes=journal_max_bytes)
        self._backlog = Backlog(self._journal, self._losses, memory_max_bytes=memory_max_bytes)
        self._adoption = Adoption(
            self._places,
            recorder,
            self._losses,
            lambda: self.available,
            instruments=instruments,
            resend=resend,
            look_seconds=adopt_seconds,
        )
        self._queue: deque[_Posted] = deque()
        self._wake = asyncio.Event()
        self._number = 0
        self._away = False
        self._reached = True
        self._looked_at = float("-inf")
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
        """How many entries wait in this worker, on disk or in memory."""
        return self._backlog.pending

    @property
    def held(self) -> int:
        """How many of them wait in memory alone, because the disk refuses them."""
        return self._backlog.held

    @property
    def lost(self) -> int:
        """How many entries this worker lost of which Redis does not know yet."""
        return self._losses.book.untold

    async def waiting(self) -> bool:
        """Whether entries of any worker of this home wait, or were lost and Redis has no word."""
        return self.pending > 0 or self.lost > 0 or await asyncio.to_thread(self._places.any_left)

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
        self._instruments.observe_waiting(names.LEDGER_PENDING, lambda: [(self.pending, {})])
        self._instruments.observe_waiting(names.LEDGER_HELD, lambda: [(self.held, {})])
        await self._losses.book.open()
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
        if (self._away or self._writer.lost) and self._backlog.empty:
            await self._backlog.copy(self._writer.unsynced)
        while self._queue:
            await self._write_queue()
        if self._backlog.held:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._catch_up()
        await self._backlog.close()
        self._losses.book.risk(None)
        await self._losses.book.close()

    async def _run(self) -> None:
        while not self._stopping or (self._queue and not self._away):
            try:
                await self._wait()
                if self._away:
                    await self._write_queue()
                    if not self._stopping and self._due(self._retry_seconds):
                        await self._catch_up()
                else:
                    await self._send_queue()
                    if self._backlog.refused is not None and self._due(self._probe_seconds):
                        await self._backlog.probe()
            except Exception:
                logger.exception("The usage ledger met an error of its own; it goes on.")
                if not self._away:
                    self._away = True
                    await self._backlog.copy(self._writer.unsynced)
                await asyncio.sleep(self._retry_seconds)

    def _due(self, seconds: float) -> bool:
        """Whether that much time has passed since it last was."""
        now = time.monotonic()
        if now < self._looked_at + seconds:
            return False
        self._looked_at = now
        return True

    async def _wait(self) -> None:
        """Until there is something to write, or it is time to look at Redis or the disk again."""
        if self._queue or self._stopping:
            self._wake.clear()
            return
        seconds = IDLE_SECONDS
        if self._away:
            seconds = max(0.0, self._looked_at + self._retry_seconds - time.monotonic())
        elif self._watchful or not self._writer.synced:
            seconds = self._confirm_seconds
        elif self._backlog.refused is not None:
            seconds = self._probe_seconds
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
            # We may end before Redis is back with what it may lose or has lost.
            await self._backlog.copy(self._writer.unsynced)

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
        """Apply what waits, in order; then entries go to Redis again."""
        started, applied = time.monotonic(), 0
        await self._backlog.flush()
        await self._save_losses()
        try:
            await self._writer.confirm()
            while not self._backlog.empty:
                waiting = await self._backlog.read(4 * BATCH_ENTRIES)
                await self._apply(waiting.entries)
                self._reached = True
                applied += self._backlog.done(waiting)
                await self._save_losses()
                if self._queue and not self._backlog.empty:
                    await self._write_queue()
            await self._backlog.clear()
        except (StoreUnavailable, OSError):
            self._reached = False
            return
        self._away, self._reached = False, True
        logger.warning(
            "Redis takes usage entries again: %d that waited were applied in %.1f s, %d were lost.",
            applied,
            time.monotonic() - started,
            self._losses.episode,
        )
        self._losses.over()
        with contextlib.suppress(StoreUnavailable):
            await self._losses.book.tell()

    async def _save_losses(self) -> None:
        """Have others know what was lost, or would be if this process were killed."""
        self._losses.book.risk(self._backlog.stake)
        await self._losses.book.save()

    def _go_away(self, error: StoreUnavailable) -> None:
        self._reached = False
        if not self._away:
            self._away = True
            logger.warning(
                "Redis takes no usage entries (%s) They are kept in %s until it does.",
                error,
                self._journal.path,
            )

    async def _write_queue(self) -> None:
        """Have what was posted wait for Redis, on disk if need be in memory."""
        batch = list(islice(self._queue, _QUEUED_ENTRIES))
        if batch:
            outcomes = await self._backlog.add([posted.numbered for posted in batch])
            for posted, outcome in zip(batch, outcomes, strict=True):
                self._queue.popleft()
                _resolve(posted, outcome)


def _resolve(posted: _Posted, outcome: Recorded) -> None:
    if not posted.answer.done():
        posted.answer.set_result(outcome)
