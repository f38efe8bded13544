"""Keeps the embedded Redis running while any worker lives, then stops it: `RUN_DIR SERVER`.

Started by `service.redis_embedded`. It imports nothing of the service, so that it stays small.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType
from typing import NoReturn

POLL_SECONDS = 0.2
RESTART_PAUSE_SECONDS = 0.5
STOP_SECONDS = 10.0
RESTARTS = 20


def main(run: Path, server: Path, socket: Path) -> int:
    """Guard until the last worker is gone; the exit status."""
    guard = os.open(run / "redis.guard.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0  # Another guard is at work.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    users = os.open(run / "redis.users.lock", os.O_RDWR | os.O_CREAT, 0o600)
    process = start(run, server, socket)
    restarts = 0
    try:
        while not nobody_left(users):
            if process.poll() is not None:
                restarts += 1
                if restarts > RESTARTS:
                    return 1
                time.sleep(RESTART_PAUSE_SECONDS)
                process = start(run, server, socket)
            time.sleep(POLL_SECONDS)
    finally:
        # The lock is held meanwhile, so that a new worker waits and then starts afresh.
        stop(process, socket)
    return 0


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(0)


def nobody_left(users: int) -> bool:
    """Whether no worker holds its shared lock any more; then the exclusive one is ours."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def start(run: Path, server: Path, socket: Path) -> subprocess.Popen[bytes]:
    """Start the server: on a socket only, every write kept on disk, nothing ever evicted."""
    socket.unlink(missing_ok=True)
    data = run.parent / "redis"
    data.mkdir(exist_ok=True, mode=0o700)
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "600",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "databases": "16",
    }
    arguments = [part for key, value in options.items() for part in (f"--{key}", value)]
    return subprocess.Popen([str(server), *arguments], stdin=subprocess.DEVNULL)  # noqa: S603


def stop(process: subprocess.Popen[bytes], socket: Path) -> None:
    """End the server, by force if it does not go."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    with contextlib.suppress(OSError):
        socket.unlink()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])))
