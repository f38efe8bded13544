"""`gaugeway top` in a real terminal: a pty, whose size, keys and modes are the test's."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.cli.top_samples import metrics
from tests.cli.top_service import KEY, Service, document, service

# Ctrl-C reaches only what the terminal belongs to.
_COMMAND = (
    "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); from cli.main import main; main()"
)
_ENTER, _LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"
_HIDE, _SHOW = b"\x1b[?25l", b"\x1b[?25h"
_SECONDS = 60.0


class Terminal:
    """The screen's end of a pty that a command runs in."""

    def __init__(self, master: int, process: asyncio.subprocess.Process) -> None:
        self._master = master
        self.process = process
        self.shown = b""
        asyncio.get_running_loop().add_reader(master, self._read)

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            self.shown += os.read(self._master, 65536)

    @property
    def text(self) -> str:
        """All that was ever shown, without what steers the terminal."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.shown.decode(errors="replace"))

    @property
    def modes(self) -> list[Any]:
        """How the terminal treats keys."""
        return termios.tcgetattr(self._master)[:4]

    async def until(self, part: str) -> None:
        """Wait until it shows a text that it has not been seen to show yet."""
        await self.holds(lambda: part in self.text, part)
        self.shown = b""

    async def holds(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until a condition of what was shown holds."""
        deadline = time.monotonic() + _SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"{what!r} is not in {self.text[-3000:]}"
            await asyncio.sleep(0.02)

    def press(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._master, keys)

    def resize(self, columns: int, lines: int) -> None:
        """Change its size, as dragging a window's corner does."""
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))


@asynccontextmanager
async def top(url: str, folder: Path, *arguments: str) -> AsyncGenerator[Terminal]:
    """The command on a terminal of 80 by 24, ended with the block."""
    (folder / "key").write_text(KEY + "\n")
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    given = ("--url", url, "--key-file", str(folder / "key"), "--interval", "0.5", *arguments)
    unset = {"COLUMNS", "LINES", "NO_COLOR", "REDIS_URL"}
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _COMMAND, "top", *given),
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**inherited, "TERM": "xterm-256color", "GAUGEWAY_HOME": str(folder)},
        start_new_session=True,
    )
    os.close(slave)
    terminal = Terminal(master, process)
    try:
        yield terminal
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        asyncio.get_running_loop().remove_reader(master)
        os.close(master)


@pytest.mark.parametrize("ending", ["ctrl-c", "q", "sigterm"])
async def test_the_terminal_is_left_as_it_was(tmp_path: Path, ending: str) -> None:
    async with service() as standing, top(standing.url, tmp_path) as terminal:
        before = terminal.modes
        await terminal.holds(lambda: "$6.20" in terminal.text, "$6.20")
        assert terminal.modes != before
        assert _ENTER in terminal.shown
        assert _HIDE in terminal.shown
        if ending == "sigterm":
            terminal.process.send_signal(signal.SIGTERM)
        else:
            terminal.press({"ctrl-c": b"\x03", "q": b"q"}[ending])
        assert await asyncio.wait_for(terminal.process.wait(), _SECONDS) == 0
        await terminal.holds(lambda: _LEAVE in terminal.shown, "the end of the whole screen")
        await terminal.holds(lambda: _SHOW in terminal.shown, "the cursor")
        assert terminal.shown.rindex(_LEAVE) > terminal.shown.rindex(_ENTER)
        assert terminal.shown.rindex(_SHOW) > terminal.shown.rindex(_HIDE)
        assert terminal.modes == before
        assert "Traceback" not in terminal.text
        assert "^C" not in terminal.text


async def test_it_follows_the_service_and_outlives_it(tmp_path: Path) -> None:
    async with service() as standing, top(standing.url, tmp_path) as terminal:
        await terminal.until("$6.20")
        today = metrics().today.model_copy(update={"cost_usd": "7.77"})
        standing.answer("/api/metrics", lambda: document(metrics(today=today)))
        await terminal.until("$7.77")
        standing.answer("/api/metrics", lambda: web.Response(status=403))
        await terminal.until("not an admin's (403)")
        standing.answers.clear()
        await terminal.until("$6.20")
        assert terminal.process.returncode is None


async def test_it_waits_for_a_service_that_is_not_there_yet(tmp_path: Path) -> None:
    async with service() as standing:
        there, url = False, standing.url

        async def busy(request: web.Request) -> web.StreamResponse:
            return document(metrics()) if there else web.Response(status=502)

        standing.answers["/api/metrics"] = busy
        async with top(url, tmp_path) as terminal:
            await terminal.until("answers 502")
            there = True
            await terminal.until("$6.20")


async def test_a_terminal_that_changes_its_size_is_drawn_anew_at_once(tmp_path: Path) -> None:
    async with (
        service() as standing,
        top(standing.url, tmp_path, "--interval", "3600") as terminal,
    ):
        await terminal.until("$6.20")
        asked = len(standing.asked)
        assert asked
        terminal.resize(130, 40)
        await terminal.until(f"{1:032x}")
        assert len(standing.asked) == asked


async def test_once_is_one_frame_without_taking_the_screen(
    tmp_path: Path, standing: Service
) -> None:
    async with top(standing.url, tmp_path, "--once") as terminal:
        assert await asyncio.wait_for(terminal.process.wait(), _SECONDS) == 0
        await terminal.holds(lambda: "$6.20" in terminal.text, "$6.20")
        assert _ENTER not in terminal.shown
        assert b"\x1b[" in terminal.shown


@pytest.fixture
async def standing() -> AsyncGenerator[Service]:
    async with service() as one:
        yield one
