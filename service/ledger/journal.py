"""One worker's journal: entries on disk that Redis does not have yet, a line each.

A line is a checksum and JSON. A line that was cut off, as by a kill, does not match its checksum
and is passed over. The file is locked while its worker lives, so a free lock says that nobody will
apply it but whoever takes the lock. All of this blocks: call it off the event loop.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from service.ledger.entry import Numbered
from service.ledger.lines import read_line, write_line

SUFFIX = ".jsonl"
_UNNAMED = ".new"
_BEGINNING_SECONDS = 60.0
"""How long a file may be without its name while its worker makes it."""
_READ_BYTES = 1024 * 1024


class Part(NamedTuple):
    """What was read of a journal: entries, lines nobody can read, and where to read on."""

    entries: list[Numbered]
    damaged: int
    position: int


class JournalFull(Exception):  # noqa: N818 - says what is the case
    """The journal has reached its size; `written` is how many entries were still taken."""

    def __init__(self, written: int) -> None:
        super().__init__(written)
        self.written = written


class Journal:
    """A file of this process alone, made when it is first needed."""

    def __init__(self, folder: Path, writer: str, *, max_bytes: int) -> None:
        self.path = folder / f"{writer}{SUFFIX}"
        self._max_bytes = max_bytes
        self._file: int | None = None
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes on disk, of what was applied too while not all of it is."""
        return self._size

    def append(self, entries: Iterable[Numbered]) -> None:
        """Write entries and see them on disk. Raises `JournalFull` and `OSError`."""
        lines: list[bytes] = []
        room = self._max_bytes - self._size
        full = False
        for numbered in entries:
            line = write_line(numbered)
            if len(line) > room:
                full = True
                break
            room -= len(line)
            lines.append(line)
        if lines:
            self._write(b"".join(lines))
        if full:
            raise JournalFull(len(lines))

    def read(self, position: int, most: int) -> Part:
        """Read at most so many entries from a position on. Raises `OSError`."""
        if self._file is None or position >= self._size:
            return Part([], 0, position)
        return read_part(self._file, position, most, end=self._size)

    def clear(self) -> None:
        """Begin anew: all of it has been applied. Raises `OSError`."""
        if self._file is not None:
            os.ftruncate(self._file, 0)
            self._size = 0

    def close(self) -> None:
        """Let go of the file; an empty one goes away."""
        if self._file is not None:
            if self._size == 0:
                self.path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = None

    def _write(self, data: bytes) -> None:
        if self._file is None:
            self._file = _create(self.path)
        try:
            written = 0
            while written < len(data):
                written += os.pwrite(self._file, data[written:], self._size + written)
            os.fsync(self._file)
        except OSError:
            # What was written of it is not counted as written; the next write goes over it.
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(data)


def writer_name() -> str:
    """A name that no other worker has or had."""
    host = "".join(c if c.isalnum() else "-" for c in socket.gethostname())[:40]
    return f"{host}-{os.getpid()}-{secrets.token_hex(6)}"


def read_part(file: int, position: int, most: int, *, end: int) -> Part:
    """Read at most so many entries of an open journal. Raises `OSError`."""
    entries: list[Numbered] = []
    damaged = 0
    pending = b""
    offset = position
    while len(entries) < most and position < end:
        data = os.pread(file, min(_READ_BYTES, end - offset), offset) if offset < end else b""
        offset += len(data)
        pending += data
        lines = pending.splitlines(keepends=True)
        # The last one may go on in the next block, unless this is the end of the file.
        pending = lines.pop() if lines and data and not lines[-1].endswith(b"\n") else b""
        for line in lines:
            if len(entries) == most:
                break
            position += len(line)
            found = read_line(line)
            if found is None:
                damaged += 1
            else:
                entries.append(found)
        if not data and not lines:
            break
    return Part(entries, damaged, position)


class Adopted:
    """The journal of a worker that is gone, locked by us."""

    def __init__(self, path: Path, file: int) -> None:
        self.path = path
        self.writer = path.name.removesuffix(SUFFIX)
        self._file: int | None = file
        self._size = os.fstat(file).st_size

    def read(self, position: int, most: int) -> Part:
        """Read at most so many entries from a position on. Raises `OSError`."""
        if self._file is None:
            return Part([], 0, position)
        return read_part(self._file, position, most, end=self._size)

    def finish(self) -> None:
        """Remove it: all of it has been applied. Raises `OSError`."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of the lock; somebody else may take it up. Safe to repeat."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def abandoned(folder: Path) -> Sequence[Path]:
    """The journals in a folder, of whoever; `adopt` tells which are abandoned."""
    try:
        return sorted(folder.glob(f"*{SUFFIX}"))
    except OSError:
        return ()


def remove_unnamed(folder: Path) -> None:
    """Remove what workers left that died while they made a journal: nothing is in it."""
    for path in folder.glob(f"*{_UNNAMED}"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _BEGINNING_SECONDS:
                path.unlink()


def any_waiting(folder: Path) -> bool:
    """Whether any journal in a folder holds something."""
    for path in abandoned(folder):
        try:
            if path.stat().st_size:
                return True
        except OSError:
            continue
    return False


def adopt(path: Path) -> Adopted | None:
    """Take over a journal; None where its worker lives or another one took it."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever had the lock may have finished and removed the file meanwhile.
        if os.stat(path).st_ino == os.fstat(file).st_ino:  # noqa: PTH116 - as of the open file
            return Adopted(path, file)
    except OSError:
        pass
    os.close(file)
    return None


def _create(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_suffix(_UNNAMED)
    file = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # It gets its name when it is locked: nobody ever finds it free while we live.
        temporary.rename(path)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError:
        temporary.unlink(missing_ok=True)
        os.close(file)
        raise
    return file
