"""Keeps `gaugeway top` on the screen: frame after frame, and a clean terminal after the last."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import termios
import tty
from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live

from cli.settings import Thresholds
from cli.top_figures import figures_of
from cli.top_reading import Reading, TopReader
from cli.top_text import Shape
from cli.top_view import frame

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_REDRAWING = (signal.SIGWINCH, signal.SIGCONT)


def view(reading: Reading, thresholds: Thresholds, shape: Shape, footer: str = "") -> Group:
    """A reading as something to print."""
    metrics = reading.metrics
    found = None if metrics is None else figures_of(metrics, thresholds)
    return Group(*frame(reading, found, shape, footer=footer))


class LiveTop:
    """Shows one reading after the other on the whole screen until it is told to end."""

    def __init__(
        self, reader: TopReader, console: Console, thresholds: Thresholds, interval: float
    ) -> None:
        self._reader = reader
        self._console = console
        self._thresholds = thresholds
        self._interval = interval
        self._reading = reader.nothing_yet()
        self._ended = False
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Show until q, Ctrl-C or a signal that ends. Leaves the terminal as it was."""
        live = Live(console=self._console, screen=True, auto_refresh=False, transient=True)
        with _signals(self._end, self._changed.set), _keys(self._key), live:
            reading = asyncio.create_task(self._read())
            reading.add_done_callback(lambda _: self._end())
            try:
                while not self._ended:
                    self._changed.clear()
                    live.update(self._view(), refresh=True)
                    await self._changed.wait()
            finally:
                reading.cancel()
                await asyncio.wait([reading])
        if not reading.cancelled() and (error := reading.exception()):
            raise error

    async def _read(self) -> None:
        while True:
            self._reading = await self._reader.read()
            self._changed.set()
            await asyncio.sleep(self._interval)

    def _view(self) -> Group:
        size = self._console.size
        shape = Shape(size.width, size.height, ascii_only=self._console.options.ascii_only)
        footer = (
            f"{shape.up}{shape.down} this hour against the one before   "
            f"every {self._interval:g} s   q or Ctrl-C ends"
        )
        return view(self._reading, self._thresholds, shape, footer)

    def _key(self, key: bytes) -> None:
        # Ctrl-D is how some leave; an empty read is a terminal that is gone.
        if key in (b"q", b"Q", b"\x04", b""):
            self._end()

    def _end(self) -> None:
        self._ended = True
        self._changed.set()


@contextmanager
def _signals(end: Callable[[], None], redraw: Callable[[], None]) -> Generator[None]:
    loop = asyncio.get_running_loop()
    for number in _ENDING:
        loop.add_signal_handler(number, end)
    for number in _REDRAWING:
        loop.add_signal_handler(number, redraw)
    try:
        yield
    finally:
        for number in (*_ENDING, *_REDRAWING):
            loop.remove_signal_handler(number)


@contextmanager
def _keys(pressed: Callable[[bytes], None]) -> Generator[None]:
    """Hear keys at once and show none of them, where a person is at a terminal."""
    try:
        keyboard = sys.stdin.fileno()
        before = termios.tcgetattr(keyboard)
    except (ValueError, OSError, termios.error):
        yield
        return
    loop = asyncio.get_running_loop()
    try:
        tty.setcbreak(keyboard)
        loop.add_reader(keyboard, lambda: pressed(_read_key(keyboard)))
        yield
    finally:
        loop.remove_reader(keyboard)
        with contextlib.suppress(termios.error):
            termios.tcsetattr(keyboard, termios.TCSADRAIN, before)


def _read_key(keyboard: int) -> bytes:
    try:
        return os.read(keyboard, 1)
    except OSError:
        return b""
