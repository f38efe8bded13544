"""Files that are taken in anew when they change, or refused as a whole, while the service runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Generic, Literal, TypeVar

from otel import attributes as names
from otel.instruments import Instruments
from service.file_stamp import Stamp, file_stamp

logger = logging.getLogger(__name__)

KEPT = "The %s read before stay in force."

T = TypeVar("T")


class ReloadedFile(Generic[T]):
    """What a file last said that could be used. `load` and `reload` block: call them in a thread.

    `read` makes it of the file and raises `fault` where it cannot; `what` is its plural in messages
    and its label in metrics.
    """

    def __init__(
        self, path: Path, read: Callable[[], T], *, fault: type[Exception], what: str, first: T
    ) -> None:
        self._path = path
        self._read = read
        self._fault = fault
        self._stamp: Stamp | None = None
        self.what = what
        self.current = first

    def load(self) -> None:
        """Take it in. Raises its fault."""
        # Before it is read: a change in between is seen at the next look.
        self._stamp = file_stamp(self._path)
        self.current = self._read()

    def reload(self) -> Literal["applied", "refused"] | None:
        """Take it in if it has changed; a file that cannot be used leaves all as it was."""
        stamp = file_stamp(self._path)
        if stamp == self._stamp:
            return None
        before, self._stamp = self._stamp, stamp
        taken, fault = self._taken()
        if file_stamp(self._path) != stamp:
            # It is being written: a part of it, or nothing at all, may be a valid file too.
            self._stamp = before
            return None
        if fault is not None:
            logger.error("%s\n%s", fault, KEPT % self.what)
            return "refused"
        (self.current,) = taken
        logger.info("The %s in %s are in force.", self.what, self._path)
        return "applied"

    def _taken(self) -> tuple[tuple[T, ...], Exception | None]:
        try:
            return (self._read(),), None
        except self._fault as error:
            return (), error


class FileWatch(Generic[T]):
    """Looks at a file every `interval` seconds, hands on what is new in it, and counts that.

    `use` is called with the first version before `start` returns.
    """

    def __init__(
        self,
        file: ReloadedFile[T],
        *,
        instruments: Instruments,
        interval: float,
        use: Callable[[T], None] = lambda _: None,
    ) -> None:
        self._file = file
        self._use = use
        self._instruments = instruments
        self._interval = interval
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read the file and begin to watch it. Raises the file's fault."""
        await asyncio.to_thread(self._file.load)
        self._use(self._file.current)
        self._task = asyncio.create_task(self._watch(), name=f"watch {self._file.what}")

    async def close(self) -> None:
        """Stop watching; what was read stays in force. Safe to repeat."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def look(self) -> None:
        """Take the file in if it is another than before."""
        try:
            result = await asyncio.to_thread(self._file.reload)
            if result == "applied":
                self._use(self._file.current)
        except Exception:
            # Changes must go on being seen for as long as the service runs.
            logger.exception("The file of the %s could not be looked at", self._file.what)
            result = "refused"
        if result is not None:
            labels = {
                names.CONFIGURATION_FILE: self._file.what,
                names.CONFIGURATION_RESULT: result,
            }
            self._instruments.configuration_reloads.add(1, labels)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            await self.look()
