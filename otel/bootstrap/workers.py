"""Lets one worker answer a scrape for all: each serves its exposition on a unix socket.

The sockets of an application lie in one directory, which only its user can enter. A worker that
died leaves a socket nobody answers on, which the next scrape removes.
"""

import contextlib
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final
from weakref import WeakMethod

from otel.bootstrap.prometheus import merged

_logger = logging.getLogger("opentelemetry.gaugeway.workers")
_PATIENCE: Final = 2.0
_PAUSE: Final = 0.2
_SUFFIX: Final = ".sock"


class Workers:
    """The processes of one application, this one among them."""

    def __init__(self, directory: Path, group: str, render: Callable[[], bytes]) -> None:
        self._directory = directory / group
        self._render = render
        self._listener: socket.socket | None = None
        self._open()
        after_fork = WeakMethod(self._open_in_child)

        def open_in_child() -> None:
            if reopen := after_fork():
                reopen()

        os.register_at_fork(after_in_child=open_in_child)

    def render_all(self) -> bytes:
        """Return the metrics of all workers, this one's first; blocks, so call it in a thread."""
        own = self._path()
        others = [path for path in sorted(self._directory.glob(f"*{_SUFFIX}")) if path != own]
        if not others:
            return merged([self._render()])
        # All at once: workers that hang together cost the patience for one.
        with ThreadPoolExecutor(len(others)) as asking:
            told = asking.map(self._asked, others)
            return merged([self._render(), *told])

    def close(self) -> None:
        """Leave the group."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            self._path().unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                self._directory.rmdir()

    def _path(self) -> Path:
        return self._directory / f"{os.getpid()}{_SUFFIX}"

    def _open_in_child(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self._open()

    def _open(self) -> None:
        self._listener = None
        try:
            self._prepare()
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            path = self._path()
            path.unlink(missing_ok=True)
            listener.bind(str(path))
            listener.listen(8)
        except OSError as error:
            _logger.warning("Metrics of this worker are not in /metrics of the others: %s", error)
            return
        self._listener = listener
        threading.Thread(
            target=self._serve, args=(listener,), name="otel-exposition", daemon=True
        ).start()

    def _prepare(self) -> None:
        root = self._directory.parent
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = root.stat()
        if owner.st_uid != os.getuid() or owner.st_mode & 0o077:
            raise PermissionError(f"{root} must belong to this user alone")
        _sweep(root)
        self._directory.mkdir(mode=0o700, exist_ok=True)

    def _serve(self, listener: socket.socket) -> None:
        told = False
        while True:
            try:
                connection, _ = listener.accept()
            except OSError as error:
                if listener is not self._listener:
                    return  # It was closed.
                # Of the process, such as too many open files: it may be over at the next scrape.
                if not told:
                    _logger.warning("Another worker could not ask for metrics: %s", error)
                told = True
                time.sleep(_PAUSE)
                continue
            told = False
            with connection:
                try:
                    connection.settimeout(_PATIENCE)
                    connection.sendall(self._render())
                except Exception as error:  # the next scrape may fare better
                    _logger.warning("Serving metrics to another worker failed: %s", error)

    def _asked(self, path: Path) -> bytes:
        parts: list[bytes] = []
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(_PATIENCE)
                connection.connect(str(path))
                while part := connection.recv(65536):
                    parts.append(part)
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
        except OSError as error:
            _logger.warning("Worker %s did not tell its metrics: %s", path.stem, error)
            return b""
        return b"".join(parts)


def _sweep(root: Path) -> None:
    """Remove the sockets of processes that are gone, and the groups that are empty then."""
    for path in root.glob(f"*/*{_SUFFIX}"):
        if path.stem.isdigit() and not _alive(int(path.stem)):
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                path.parent.rmdir()


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
