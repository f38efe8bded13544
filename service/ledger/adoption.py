"""Applies the journals of workers that are gone: whoever gets a file's lock applies it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

from otel.instruments import Instruments
from service.background import BackgroundTask
from service.ledger.journal import Adopted, abandoned, adopt, remove_unnamed
from service.ledger.losses import Losses
from service.ledger.recording import BATCH_ENTRIES, Recorder
from service.ledger.writer import Writer
from service.redis_store import StoreUnavailable

logger = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
PATIENCE_SECONDS = 300.0
"""A full journal takes a while."""


class Adoption:
    """Looks for abandoned journals while the service runs."""

    def __init__(
        self,
        folder: Path,
        recorder: Recorder,
        losses: Losses,
        available: Callable[[], bool],
        *,
        instruments: Instruments,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._folder = folder
        self._recorder = recorder
        self._losses = losses
        self._available = available
        self.task = BackgroundTask(
            "abandoned journals",
            self._look_if_available,
            every=look_seconds,
            instruments=instruments,
            meanwhile="What a worker left behind waits on disk.",
            at_once=True,
            patience=PATIENCE_SECONDS,
        )

    def start(self) -> None:
        """Begin to look, at once and then now and again."""
        self.task.start()

    async def close(self) -> None:
        """Stop; a journal that is not done stays for another worker. Safe to repeat."""
        await self.task.close()

    async def _look_if_available(self) -> None:
        if self._available():
            with contextlib.suppress(StoreUnavailable):
                await self.look()

    async def look(self) -> None:
        """Apply what is abandoned now. Raises `StoreUnavailable`."""
        await asyncio.to_thread(remove_unnamed, self._folder)
        for path in await asyncio.to_thread(abandoned, self._folder):
            adopted = await asyncio.to_thread(adopt, path)
            if adopted is not None:
                try:
                    await self._apply(adopted)
                    await asyncio.to_thread(adopted.finish)
                finally:
                    adopted.close()

    async def _apply(self, adopted: Adopted) -> None:
        writer = Writer(adopted.writer, self._recorder)
        position = applied = 0
        while True:
            part = await asyncio.to_thread(adopted.read, position, 4 * BATCH_ENTRIES)
            if part.damaged:
                self._losses.count(part.damaged, "journal_failed", "lines on disk are damaged")
            if part.position == position:
                break
            await writer.send(part.entries)
            applied += len(part.entries)
            position = part.position
        logger.warning(
            "Applied the journal %s of a worker that is gone: %d entries.",
            adopted.path.name,
            applied,
        )
        # The file stays until Redis has all of it on disk.
        while not writer.settled:
            await asyncio.sleep(1)
            await writer.confirm()
