"""The journals of workers that are gone, to be taken over; all of this blocks."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from service.ledger.journal_parts import SUFFIX, Part, read_part
from service.ledger.locked_file import left_in, take_over


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
    return left_in(folder, SUFFIX)


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
    file = take_over(path)
    return None if file is None else Adopted(path, file)
