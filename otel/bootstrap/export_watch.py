"""Remembers what one signal's exports came to, and since when one has been under way."""

import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from weakref import WeakMethod

from otel.exports import SLOW_SECONDS, ExportTrouble, Trouble


class ExportWatch:
    """Written by the thread that exports, read by others.

    What an export came to stands until the next one: who watches has to see to it that there is a
    next one (`BatchQueue` does, where the last one failed).
    """

    def __init__(self, signal: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._signal = signal
        self._clock = clock
        self._forget()
        after_fork = WeakMethod(self._forget)

        def forget() -> None:
            if method := after_fork():
                method()

        os.register_at_fork(after_in_child=forget)

    @property
    def trouble(self) -> ExportTrouble | None:
        """What is wrong now; None where nothing is, as far as is known."""
        began = self._began
        if began is not None and self._clock() - began > SLOW_SECONDS:
            return self._of("timeout", f"no answer for {self._clock() - began:.0f} s")
        return self._last

    @contextmanager
    def under_way(self) -> Generator[None]:
        """One export, from its beginning to its end; what it comes to is to be told within."""
        self._began = began = self._clock()
        self._told = False
        try:
            yield
        finally:
            took = self._clock() - began
            if not self._told:
                self._last = self._of("slow", f"{took:.0f} s") if took > SLOW_SECONDS else None
            self._began = None

    def failed(self, trouble: Trouble, detail: str) -> None:
        """The one that is under way, or the last one, did not arrive."""
        self._told = True
        self._last = self._of(trouble, detail)

    def _of(self, trouble: Trouble, detail: str) -> ExportTrouble:
        return ExportTrouble(self._signal, trouble, detail[:200])

    def _forget(self) -> None:
        # In a forked child too: what was under way is the parent's.
        self._began: float | None = None
        self._last: ExportTrouble | None = None
        self._told = False
