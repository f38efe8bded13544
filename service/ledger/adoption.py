"""Applies what workers that are gone left on disk: whoever gets a file's lock applies it.

They leave entries in journals, and in files beside them how many they lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

from otel.instruments import Instruments
from service.background import BackgroundTask
from service.ledger.abandoned import Adopted, abandoned, adopt
from service.ledger.entry import Numbered
from service.ledger.journal_parts import SUFFIX
from service.ledger.locked_file import remove_unnamed
from service.ledger.loss_book import LossBook
from service.ledger.loss_file import Contents, LossFile, abandoned_losses, adopt_losses
from service.ledger.losses import Losses
from service.ledger.places import Places
from service.ledger.recording import BATCH_ENTRIES, Recorder
from service.ledger.relapses import relapses_into
from service.ledger.writer import Resend, Writer
from service.redis_store import StoreUnavailable

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
PATIENCE_SECONDS = 300.0
"""A full journal takes a while."""
_DAMAGED = "lines on disk are damaged"
_KILLED = "the worker that kept them in memory is gone"
_ONLY_READ = -1
"""As no mark is this, none is written."""


class Adoption:
    """Looks for abandoned files while the service runs, and tells Redis of this worker's losses."""

    def __init__(
        self,
        places: Places,
        recorder: Recorder,
        losses: Losses,
        available: Callable[[], bool],
        *,
        instruments: Instruments,
        resend: Resend,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._folder = places.journals
        self._loss_folder = places.losses
        self._recorder = recorder
        self._losses = losses
        self._available = available
        self.task = BackgroundTask(
            "abandoned journals",
            self._look_if_available,
            every=look_seconds,
            instruments=instruments,
            meanwhile="What a worker left behind waits on disk.",
            faults=(OSError,),
            at_once=True,
            patience=PATIENCE_SECONDS,
        )
        self._resend = resend
        self._begun: dict[str, Writer] = {}
        """By name, until their journals are applied as a whole."""
        self._done: list[Writer] = []
        """For as long as Redis may forget what was in their journals."""

    def start(self) -> None:
        """Begin to look, at once and then now and again."""
        self.task.start()

    async def close(self) -> None:
        """Stop; a journal that is not done stays for another worker. Safe to repeat."""
        await self.task.close()

    async def _look_if_available(self) -> None:
        await self._losses.book.open()
        await self._losses.book.save()
        if self._available():
            with contextlib.suppress(StoreUnavailable):
                await self._losses.book.tell()
                await self._confirm()
                await self.look()

    async def look(self) -> None:
        """Apply what is abandoned now. Raises `StoreUnavailable`, `OSError`."""
        for folder in (self._folder, self._loss_folder):
            await asyncio.to_thread(remove_unnamed, folder)
        failed: list[Exception] = []
        for take, paths in (
            (self._take_journal, await asyncio.to_thread(abandoned, self._folder)),
            (self._take_losses, await asyncio.to_thread(abandoned_losses, self._loss_folder)),
        ):
            for path in paths:
                try:
                    await take(path)
                except StoreUnavailable:
                    raise
                except Exception as error:
                    # One that cannot be dealt with must not keep the others waiting for ever.
                    failed.append(error)
        if failed:
            raise failed[0]

    async def _take_journal(self, path: Path) -> None:
        adopted = await asyncio.to_thread(adopt, path)
        if adopted is not None:
            try:
                await self._apply(adopted)
            finally:
                adopted.close()

    async def _take_losses(self, path: Path) -> None:
        file = await asyncio.to_thread(adopt_losses, path)
        if file is not None:
            await self._tell(file)

    async def _confirm(self) -> None:
        """See that Redis still has what was applied. Raises `StoreUnavailable`."""
        for writer in self._done:
            await writer.confirm()
        self._done = [writer for writer in self._done if not writer.settled]

    async def _apply(self, adopted: Adopted) -> None:
        writer: Writer | None = None
        position = applied = damaged = 0
        asked_at: int | None = None
        while True:
            part = await asyncio.to_thread(adopted.read, position, 4 * BATCH_ENTRIES)
            if part.position == position:
                break
            if part.entries:
                writer = writer or self._writer(adopted.writer, part.entries[0])
                await writer.send(part.entries)
                asked_at = part.entries[-1].entry.asked_at
            applied += len(part.entries)
            damaged += part.damaged
            position = part.position
        logger.warning(
            "Applied the journal %s of a worker that is gone: %d entries.",
            adopted.path.name,
            applied,
        )
        # The file stays until Redis has all of it on disk.
        while writer is not None and not writer.synced:
            await asyncio.sleep(1)
            await writer.confirm()
        await asyncio.to_thread(adopted.finish)
        # Once: a file that stays is read again from its beginning.
        self._losses.count(damaged, "journal_failed", _DAMAGED, asked_at=asked_at)
        if writer is not None:
            self._done.append(self._begun.pop(writer.name))

    def _writer(self, name: str, first: Numbered) -> Writer:
        """Goes on for a writer that is gone, whose journal begins with an entry.

        It began once Redis had all that comes before. Where it is begun again what Redis has
        forgotten of that is not counted again.
        """
        writer = self._begun.get(name)
        if writer is None:
            writer = self._begun[name] = Writer(
                name,
                self._recorder,
                relapsed=relapses_into(self._losses),
                taken_until=first.number - 1,
                asked_at=first.entry.asked_at,
                resend=self._resend,
            )
        return writer

    async def _tell(self, file: LossFile) -> None:
        """Have Redis know what a worker lost that is gone."""
        book = LossBook(file, self._recorder.losses)
        try:
            if await asyncio.to_thread((self._folder / f"{file.writer}{SUFFIX}").exists):
                # What is in there was not lost: it is applied first.
                return
            await self._count(await book.take_over(), file.writer, self._losses.of(book))
            await book.tell()
            while not book.settled:
                await asyncio.sleep(1)
                await book.tell()
            await asyncio.to_thread(file.remove)
        finally:
            file.close()

    async def _count(self, found: Contents, writer: str, losses: Losses) -> None:
        """Count what was in memory alone, by numbers that are the same for whoever does it."""
        losses.count(found.damaged, "journal_failed", _DAMAGED)
        if found.stake is not None:
            mark = await self._recorder.mark(writer, _ONLY_READ)
            for quarter, number in found.stake.beyond(mark).items():
                losses.count(number, found.stake.reason, _KILLED, asked_at=quarter)
