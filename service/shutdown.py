"""Hears the signal to stop as soon as it comes.

A server tells the application of its end only after every request is over; a stream that runs for
minutes must know before. The server's own handler is kept and called as well.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def on_stop_signal(stop: Callable[[], Coroutine[Any, Any, None]]) -> Generator[None]:
    """Start `stop` on the running loop at the first SIGTERM or SIGINT within the block.

    Only the main thread hears signals; elsewhere this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    tasks: set[asyncio.Task[None]] = set()
    previous = {number: signal.getsignal(number) for number in _SIGNALS}

    def begin() -> None:
        if not tasks:
            tasks.add(loop.create_task(stop(), name="stop requests under way"))

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(begin)
        before = previous[signal.Signals(number)]
        if callable(before):
            before(number, frame)

    for number in _SIGNALS:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, before in previous.items():
            if signal.getsignal(number) is handle:
                signal.signal(number, before)
        for task in tasks:
            task.cancel()
