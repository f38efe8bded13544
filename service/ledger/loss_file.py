"""Where a worker keeps what it lost until Redis knows: a file whose room was taken beforehand.

Entries are lost when the disk is full, so what tells of them must need no room then. It is written
in place, whole, as lines with a checksum, and padded with blank ones; where the first one is blank
Redis was told of all. The file is locked while its worker lives. All of this blocks: call it off
the event loop.
"""

from __future__ import annotations

import contextlib
import json
import os
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from service.ledger.locked_file import create_locked, is_at, left_in, take_over, write_all

FILE_BYTES = 64 * 1024
"""A record takes 800 bytes at the very most."""
LOST_SUFFIX = ".lost"
_BLANK = b"\n"


class Lost(NamedTuple):
    """Entries of the same quarter of an hour that were lost for the same reason.

    `number` ascends among its worker's; `asked_at` is a moment of theirs in milliseconds since the
    epoch; `amounts` are their sums by counter, as far as they are known.
    """

    number: int
    asked_at: int
    reason: str
    amounts: Mapping[str, int]


class LossFile:
    """The file of this process alone, or one that was taken over."""

    def __init__(self, path: Path, file: int | None = None) -> None:
        self.path = path
        self._file = file

    @property
    def writer(self) -> str:
        """The worker whose losses it holds."""
        return self.path.name.removesuffix(LOST_SUFFIX)

    def open(self) -> None:
        """Take the room it needs. Raises `OSError`."""
        if self._file is not None and not is_at(self.path, self._file):
            os.close(self._file)
            self._file = None
        if self._file is None:
            blank = _BLANK * FILE_BYTES
            self._file = create_locked(self.path, lambda file: write_all(file, blank))

    def write(self, losses: Iterable[Lost], *, told: bool) -> None:
        """Hold these from now on. `told`: whether Redis has word of all. Raises `OSError`."""
        self.open()
        if self._file is not None:
            lines = b"".join(_line(lost) for lost in losses)
            data = ((_BLANK if told else b"") + lines).ljust(FILE_BYTES, _BLANK)
            write_all(self._file, data)
            os.fsync(self._file)

    def read(self) -> list[Lost]:
        """What it holds, in order. Raises `OSError`."""
        if self._file is None:
            return []
        lines = os.pread(self._file, FILE_BYTES, 0).split(b"\n")
        return [lost for line in lines if (lost := _read(line)) is not None]

    def remove(self) -> None:
        """Redis knows of all of it, or there was nothing."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of it; somebody else may take it up. Safe to repeat."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def abandoned_losses(folder: Path) -> Sequence[Path]:
    """The files in a folder, of whoever; `adopt_losses` tells which are abandoned."""
    return left_in(folder, LOST_SUFFIX)


def adopt_losses(path: Path) -> LossFile | None:
    """Take over a file; None where its worker lives or another one took it."""
    file = take_over(path)
    return None if file is None else LossFile(path, file)


def any_losses(folder: Path) -> bool:
    """Whether any worker holds losses that Redis was not told of."""
    for path in abandoned_losses(folder):
        with contextlib.suppress(OSError), path.open("rb") as file:
            if file.read(1) not in (b"", _BLANK):
                return True
    return False


def _line(lost: Lost) -> bytes:
    facts: list[Any] = [lost.number, lost.asked_at, lost.reason, dict(lost.amounts)]
    text = json.dumps(facts, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _read(line: bytes) -> Lost | None:
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return None
    try:
        number, asked_at, reason, amounts = json.loads(text)
        return Lost(
            int(number),
            int(asked_at),
            str(reason),
            {str(counter): int(amount) for counter, amount in amounts.items()},
        )
    except (ValueError, TypeError, AttributeError):
        return None
