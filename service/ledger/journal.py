"""One worker's journal: entries on disk that Redis does not have yet, a line each.

The file is locked while its worker lives, and is there only once it is needed. Whatever the disk
does, the file can be read: a line that found no room is taken back, and what could not be seen on
disk is written again. All of this blocks: call it off the event loop.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
from collections.abc import Iterable, Sequence
from pathlib import Path

from service.ledger.entry import LossKind, Numbered
from service.ledger.journal_parts import SUFFIX, Part, read_part
from service.ledger.lines import write_line
from service.ledger.locked_file import create_locked, is_at, write_all, write_at

_COPIED_BYTES = 1024 * 1024
_PROBE_BYTES = 8 * 1024
"""More than is left of a block, so that a disk without a free one refuses it."""


class JournalRefused(Exception):  # noqa: N818 - says what is the case
    """The journal takes no more entries; the message says why.

    `written` is how many of the entries it still took, the first ones. `kind` tells whether the
    bound that was set for it is reached (`journal_full`) or the disk refused it.
    """

    def __init__(self, written: int, kind: LossKind, why: str) -> None:
        super().__init__(why)
        self.written = written
        self.kind: LossKind = kind


class Journal:
    """A file of this process alone, made when it is first needed."""

    def __init__(self, folder: Path, writer: str, *, max_bytes: int) -> None:
        self.path = folder / f"{writer}{SUFFIX}"
        self.max_bytes = max_bytes
        self._file: int | None = None
        self._size = 0
        self._torn = False

    @property
    def size(self) -> int:
        """Bytes on disk, of what was applied too while not all of it is."""
        return self._size

    def append(self, entries: Iterable[Numbered]) -> None:
        """Write entries and see them on disk. Raises `JournalRefused`."""
        self.append_lines([write_line(numbered) for numbered in entries])

    def append_lines(self, lines: Sequence[bytes]) -> None:
        """The same for entries that are lines already. Raises `JournalRefused`."""
        room = self.max_bytes - self._size
        fitting = 0
        for line in lines:
            room -= len(line)
            if room < 0:
                break
            fitting += 1
        try:
            if fitting:
                self._write(b"".join(lines[:fitting]))
        except OSError as error:
            raise _refused(0, error) from None
        if fitting < len(lines):
            why = f"GAUGEWAY_JOURNAL_MAX_BYTES, {self.max_bytes} bytes, is reached"
            raise JournalRefused(fitting, "journal_full", why)

    def probe(self) -> None:
        """See whether the disk takes more, and leave nothing of that. Raises `JournalRefused`."""
        try:
            file = self._named()
            _, error = write_at(file, bytes(_PROBE_BYTES), self._size)
            try:
                if error is None:
                    os.fsync(file)
            finally:
                self._cut(self._size)
        except OSError as failed:
            error = failed
        if error is not None:
            raise _refused(0, error)

    def keep_named(self) -> None:
        """See that what waits can be found where it should be, though its folder was removed.

        Raises `JournalRefused`.
        """
        try:
            if self._file is not None and self._size:
                self._named()
        except OSError as error:
            raise _refused(0, error) from None

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
                with contextlib.suppress(OSError):
                    self.path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = None

    def _write(self, data: bytes) -> None:
        """Write whole lines, as many as there is room for. Raises `JournalRefused`, `OSError`."""
        file = self._named()
        written, refused = write_at(file, data, self._size)
        if refused is not None:
            written = data.rfind(b"\n", 0, written) + 1
        try:
            if refused is not None or self._torn:
                self._cut(self._size + written)
            os.fsync(file)
        except OSError:
            # What could not be synced may be on disk or not: it is written again.
            with contextlib.suppress(OSError):
                self._cut(self._size)
            raise
        self._size += written
        if refused is not None:
            raise _refused(data.count(b"\n", 0, written), refused)

    def _cut(self, size: int) -> None:
        """Take back what does not count as written. Raises `OSError`; the next write sees to it."""
        self._torn = True
        if self._file is not None:
            os.ftruncate(self._file, size)
        self._torn = False

    def _named(self) -> int:
        """The open file; one that is no more where it was is made anew. Raises `OSError`."""
        if self._file is None:
            self._file = create_locked(self.path)
        elif not is_at(self.path, self._file):
            old, size = self._file, self._size
            new = create_locked(self.path, lambda file: _copy(old, file, size))
            os.close(self._file)
            self._file = new
        return self._file


def writer_name() -> str:
    """A name that no other worker has or had."""
    host = "".join(c if c.isalnum() else "-" for c in socket.gethostname())[:40]
    return f"{host}-{os.getpid()}-{secrets.token_hex(6)}"


def _copy(source: int, target: int, size: int) -> None:
    position = 0
    while position < size:
        data = os.pread(source, min(_COPIED_BYTES, size - position), position)
        if not data:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        write_all(target, data, position)
        position += len(data)


def _refused(written: int, error: OSError) -> JournalRefused:
    return JournalRefused(written, "journal_failed", error.strerror or type(error).__name__)
