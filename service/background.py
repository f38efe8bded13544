"""Work that goes on beside requests, and that nothing it meets can end.

What it cannot do is said once, when it begins, with what stays in force meanwhile; that it can
again is said too. Between the two, `problem` and a metric tell of it.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from typing import Final

from otel import attributes as names
from otel.instruments import Instruments
from otel.redaction import redact

logger = logging.getLogger(__name__)

PATIENCE_SECONDS: Final = 30.0

Turn = Callable[[], Awaitable[str | None]]
"""One turn of the work. What is amiss it raises, or returns where it has told of it already."""


class BackgroundTask:
    """Takes one turn after another, `every` so many seconds, until it is closed.

    What its work is known to raise, `faults`, is told without a traceback.

    One that is `endless` takes a single turn, which lasts as long as the service runs and is begun
    anew where it failed; a turn of others that takes longer than `patience` seconds is told of.
    """

    def __init__(
        self,
        name: str,
        turn: Turn,
        *,
        every: float,
        instruments: Instruments,
        meanwhile: str = "It is tried again.",
        faults: tuple[type[Exception], ...] = (),
        at_once: bool = False,
        endless: bool = False,
        patience: float = PATIENCE_SECONDS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.name = name
        self.problem: str | None = None
        """What it cannot do now; None where all is well."""
        self._turn = turn
        self._every = every
        self._instruments = instruments
        self._meanwhile = meanwhile
        self._faults = faults
        self._at_once = at_once
        self._endless = endless
        self._patience = patience
        self._sleep = sleep
        self._told: str | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; the first turn comes after the first pause, unless it is to come `at_once`."""
        self._show(None)
        self._task = asyncio.create_task(self._run(), name=self.name)
        self._task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Stop, in the middle of a turn if need be. Safe to repeat."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def finish(self, seconds: float) -> None:
        """Give an endless turn so long to come to its end, then stop it. Safe to repeat."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=seconds)
        await self.close()

    async def take_turn(self) -> bool:
        """Take one turn now and tell of what it met; whether it came to its end.

        Raises nothing but a cancellation of ours.
        """
        loop = asyncio.get_running_loop()
        late = loop.call_later(self._patience, self._is_long)
        try:
            problem = await self._turn()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # A library's own, that it let out: nobody wants this task to end.
            self._failed("cancelled", "it was cancelled from inside")
        except self._faults as error:
            self._failed(type(error).__name__, str(error))
        except Exception as error:
            problem = f"{type(error).__name__}: {redact(str(error))}"
            self._failed(type(error).__name__, problem, _trace(error))
        else:
            self._went_well(problem)
            return True
        finally:
            late.cancel()
        return False

    async def _run(self) -> None:
        if not self._at_once:
            await self._sleep(self._every)
        while not (await self.take_turn() and self._endless):
            await self._sleep(self._every)

    def _is_long(self) -> None:
        if self._endless:
            self._went_well(None)
        else:
            self._failed("late", f"it has been at one turn for {self._patience:g} s")

    def _failed(self, kind: str, problem: str, trace: str = "") -> None:
        """Tell of it where the turn before did not fail in the same way."""
        self._show(problem)
        if kind != self._told:
            self._told = kind
            said = problem.rstrip(".")
            logger.error("%s: %s. %s%s", self.name, said, self._meanwhile, trace)

    def _went_well(self, problem: str | None) -> None:
        self._show(problem)
        if self._told is not None:
            self._told = None
            logger.warning("%s: it works again.", self.name)

    def _show(self, problem: str | None) -> None:
        self.problem = problem
        labels = {names.BACKGROUND_TASK: self.name}
        self._instruments.background_task_up.set(1 if problem is None else 0, labels)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._task is task and not self._endless and not task.cancelled():
            self._failed("ended", "it has ended")


def _trace(error: Exception) -> str:
    return "\n" + redact("".join(traceback.format_exception(error)))
