"""Files that are taken in anew when they change, or refused as a whole, while the service runs."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Generic, Literal, TypeVar

from otel import attributes as names
from otel.instruments import Instruments
from service.background import BackgroundTask
from service.file_reading import can_be_read
from service.file_stamp import Stamp, file_stamp, is_fresh

logger = logging.getLogger(__name__)

KEPT = "The %s read before stay in force."
_PAUSES: Final = (1.0, 2.0, 4.0)
"""A file that cannot be used is read again though it has not changed, after so many seconds: what
kept it from being read may be over. One that can be read, and is wrong, is left alone then."""
_MOST_UNSETTLED: Final = 5
"""How often in a row a file may be found to have changed while it was read, before it is taken."""

T = TypeVar("T")
Result = Literal["applied", "refused"]


class ReloadedFile(Generic[T]):
    """What a file last said that could be used. `load` and `reload` block: call them in a thread.

    `read` makes it of the file and raises `fault` where it cannot; `what` is its plural in messages
    and its label in metrics.
    """

    def __init__(
        self,
        path: Path,
        read: Callable[[], T],
        *,
        fault: type[Exception],
        what: str,
        first: T,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._read = read
        self._fault = fault
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        self._stamp: Stamp | None = None
        self._again_at = float("-inf")
        self._repeats = 0
        self._unsettled = 0
        self.what = what
        self.current = first
        self.fault: Exception | None = None
        """Why the file as it is now cannot be used; None where it is in force."""
        self.counts: dict[Result, int] = {"applied": 0, "refused": 0}
        """How often a changed file was taken in, and how often it could not be."""

    def load(self) -> None:
        """Take it in. Raises its fault."""
        with self._lock:
            # Before it is read: a change in between is seen at the next look.
            stamp = file_stamp(self._path)
            taken, fault = self._taken()
            if fault is not None:
                raise fault
            (self.current,) = taken
            self._note(stamp, None)

    def reload(self) -> Result | None:
        """Take it in if it has changed; a file that cannot be used leaves all as it was."""
        with self._lock:
            stamp = file_stamp(self._path)
            changed = stamp != self._stamp
            if not changed and self._clock() < self._again_at:
                return None
            taken, fault = self._taken()
            if file_stamp(self._path) != stamp and self._unsettled < _MOST_UNSETTLED:
                # It is being written: a part of it, or nothing at all, may be a valid file too.
                self._unsettled += 1
                return None
            result = self._result(taken, fault, changed=changed)
            self._note(stamp, fault)
            if taken:
                (self.current,) = taken
            if result is not None:
                self.counts[result] += 1
                self._tell()
            return result

    def _tell(self) -> None:
        fault = self.fault
        if fault is None:
            logger.info("The %s in %s are in force.", self.what, self._path)
            return
        unexpected = fault if fault.__cause__ is not None else None
        logger.error("%s\n%s", fault, KEPT % self.what, exc_info=unexpected)

    def _taken(self) -> tuple[tuple[T, ...], Exception | None]:
        try:
            return (self._read(),), None
        except self._fault as error:
            return (), error
        except Exception as error:
            # No file may end who watches it.
            fault = self._fault(f"{self._path} cannot be used ({type(error).__name__}).")
            fault.__cause__ = error
            return (), fault

    def _result(
        self, taken: tuple[T, ...], fault: Exception | None, *, changed: bool
    ) -> Result | None:
        """What is new; None where the file was only read once more to be sure."""
        before = self.fault
        if fault is not None:
            return "refused" if changed or str(before) != str(fault) else None
        (value,) = taken
        return "applied" if changed or before is not None or value != self.current else None

    def _note(self, stamp: Stamp | None, fault: Exception | None) -> None:
        """Remember what was read, and when to read it again though it seems to be the same."""
        self._repeats = self._repeats + 1 if stamp == self._stamp and self.fault else 0
        self._stamp, self.fault, self._unsettled = stamp, fault, 0
        if fault is None:
            self._again_at = float("-inf" if is_fresh(stamp, self._now()) else "inf")
        elif self._repeats < len(_PAUSES) or not can_be_read(self._path):
            self._again_at = self._clock() + _PAUSES[min(self._repeats, len(_PAUSES) - 1)]
        else:
            self._again_at = float("inf")


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
        self._used: T | None = None
        self._counted: dict[Result, int] = dict(file.counts)
        self.task = BackgroundTask(
            f"{file.what} file",
            self._turn,
            every=interval,
            instruments=instruments,
            meanwhile=KEPT % file.what,
        )

    async def start(self) -> None:
        """Read the file and begin to watch it. Raises the file's fault."""
        await asyncio.to_thread(self._file.load)
        self._hand_on()
        self.task.start()

    async def close(self) -> None:
        """Stop watching; what was read stays in force. Safe to repeat."""
        await self.task.close()

    async def look(self) -> None:
        """Take the file in if it is another than before. Never raises."""
        await self.task.take_turn()

    async def _turn(self) -> str | None:
        await asyncio.to_thread(self._file.reload)
        self._count()
        if self._file.current is not self._used:
            self._hand_on()
        fault = self._file.fault
        return None if fault is None else str(fault)

    def _hand_on(self) -> None:
        current = self._file.current
        self._use(current)
        self._used = current

    def _count(self) -> None:
        """Count what was found since, also by a request that did not wait for the next look."""
        for result, number in self._file.counts.items():
            more = number - self._counted[result]
            if more:
                labels = {
                    names.CONFIGURATION_FILE: self._file.what,
                    names.CONFIGURATION_RESULT: result,
                }
                self._instruments.configuration_reloads.add(more, labels)
                self._counted[result] = number
