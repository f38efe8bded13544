"""Real Redis servers for tests: the system's and the one that is embedded, killed and restarted."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from service.redis_embedded import find_server


def wait_for(condition: Callable[[], object], what: str, seconds: float = 10.0) -> None:
    """Poll until the condition holds; fail after the bound."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.01)


def programs() -> dict[str, Path]:
    """Every redis-server there is, by a name for it."""
    found = {"embedded": find_server()}
    if system := shutil.which("redis-server", path="/usr/local/bin:/usr/bin:/bin"):
        found["system"] = Path(system)
    return found


class Server:
    """A server on a socket of its own, its data kept between runs."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._path = folder / "s"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._path}"

    def start(self, *options: str) -> None:
        """Start, and wait until it answers."""
        self._path.unlink(missing_ok=True)
        command = [
            *(str(self._program), "--port", "0", "--unixsocket", str(self._path)),
            *("--dir", str(self._folder), "--appendonly", "yes", "--save", ""),
            *("--maxmemory-policy", "noeviction", *options),
        ]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_for(self.answers, "the Redis server to answer", 30)

    def answers(self) -> bool:
        return self.ask(b"PING").startswith(b"+PONG")

    def empty(self) -> None:
        """Take out everything, scripts included."""
        assert self.ask(b"FLUSHALL").startswith(b"+OK")
        assert self.ask(b"SCRIPT FLUSH").startswith(b"+OK")

    def ask(self, command: bytes) -> bytes:
        """The reply to one command, empty where there is none."""
        with suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(self._path))
            connection.sendall(command + b"\r\n")
            return connection.recv(65536)
        return b""

    def kill(self) -> None:
        """Kill it as -9 does; what it did not write is lost."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Let it end."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Have it hang."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Have it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def bytes_on_disk(self) -> int:
        """The size of its append-only file."""
        return self._append_only().stat().st_size

    def forget(self, number: int) -> None:
        """Cut that many bytes off what is on disk, as a crash before they were written would."""
        with self._append_only().open("r+b") as opened:
            opened.truncate(max(0, self.bytes_on_disk() - number))

    def _append_only(self) -> Path:
        # Version 7 has a folder of them, of which the last one grows.
        (file,) = [*self._folder.glob("appendonlydir/*.incr.aof"), *self._folder.glob("*.aof")]
        return file

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.send_signal(signal.SIGCONT)
            self._process.wait(20)
            self._process = None


@contextmanager
def server(program: Path, folder: Path, *options: str) -> Generator[Server]:
    """A server that runs until the block ends."""
    folder.mkdir(parents=True, exist_ok=True)
    running = Server(program, folder)
    running.start(*options)
    try:
        yield running
    finally:
        running.kill()
