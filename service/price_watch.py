"""Takes a changed price file in while the service runs; a bad one leaves the old one in force."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path

from otel import attributes as names
from otel.instruments import Instruments
from service.price_file import PriceFile, PriceFileError, load_price_file

logger = logging.getLogger(__name__)

_Signature = tuple[int, int, int] | None


class PriceFileWatch:
    """Looks at the file every `interval` seconds and hands on what it says when it changed.

    `use` is called with the first version before `start` returns; a file that cannot be used raises
    `PriceFileError` there and is only logged and counted later.
    """

    def __init__(
        self,
        path: Path,
        use: Callable[[PriceFile], None],
        *,
        instruments: Instruments,
        interval: float = 2.0,
    ) -> None:
        self._path = path
        self._use = use
        self._instruments = instruments
        self._interval = interval
        self._seen: _Signature = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read the file and begin to watch it. Raises `PriceFileError`."""
        self._seen = await asyncio.to_thread(_signature, self._path)
        self._use(await asyncio.to_thread(load_price_file, self._path))
        self._task = asyncio.create_task(self._watch(), name="watch prices")

    async def close(self) -> None:
        """Stop watching; what was read stays in force."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def look(self) -> None:
        """Take the file in if it is another than before."""
        signature = await asyncio.to_thread(_signature, self._path)
        if signature == self._seen:
            return
        before, self._seen = self._seen, signature
        file: PriceFile | None = None
        fault: PriceFileError | None = None
        try:
            file = await asyncio.to_thread(load_price_file, self._path)
        except PriceFileError as error:
            fault = error
        if await asyncio.to_thread(_signature, self._path) != signature:
            # It is being written: a part of it, or nothing at all, may be a valid file too.
            self._seen = before
            return
        if file is None:
            logger.error("%s\nThe prices read before stay in force.", fault)
            self._count("refused")
            return
        self._use(file)
        logger.info("The prices in %s are in force.", self._path)
        self._count("applied")

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.look()
            except Exception:
                # Prices must go on changing for as long as the service runs.
                logger.exception("The price file %s could not be looked at", self._path)

    def _count(self, result: str) -> None:
        self._instruments.configuration_reloads.add(
            1,
            {names.CONFIGURATION_FILE: "prices", names.CONFIGURATION_RESULT: result},
        )


def _signature(path: Path) -> _Signature:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
