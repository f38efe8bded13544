"""Where a worker keeps what it lost, or would lose: a file whose room was taken beforehand.

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
from typing import Any, NamedTuple, cast

from service.ledger.entry import LossKind
from service.ledger.locked_file import create_locked, is_at, left_in, take_over, write_all

FILE_BYTES = 64 * 1024
"""A loss takes 800 bytes at the very most, what is at stake 7,000."""
LOST_SUFFIX = ".lost"
QUARTER_MS = 15 * 60 * 1000
"""Hours and days begin with one everywhere, so what is added up is of the same."""
_BLANK = b"\n"
_EMPTY = _BLANK * FILE_BYTES
_SPARE_SUFFIX = ".room"
_MOST_SPARES = 16


class Lost(NamedTuple):
    """Entries of the same quarter of an hour that were lost for the same reason.

    `number` ascends among its worker's; `asked_at` is a moment of theirs in milliseconds since the
    epoch; `amounts` are their sums by counter, as far as they are known.
    """

    number: int
    asked_at: int
    reason: LossKind
    amounts: Mapping[str, int]


class Stake(NamedTuple):
    """Entries that a worker keeps in memory alone: they go with it, but for what Redis has.

    `first` and `last` are their numbers among its entries, `requests` how many there are by quarter
    of an hour, in order; `reason` is why the disk does not take them.
    """

    first: int
    last: int
    reason: LossKind
    requests: Mapping[int, int]

    def beyond(self, mark: int) -> Mapping[int, int]:
        """Those by quarter of an hour that come after Redis's mark."""
        applied = max(0, min(mark, self.last) - self.first + 1)
        left: dict[int, int] = {}
        for quarter, number in self.requests.items():
            taken = min(applied, number)
            applied -= taken
            if number > taken:
                left[quarter] = number - taken
        return left


class Contents(NamedTuple):
    """What a file holds; `damaged` lines cannot be read."""

    losses: list[Lost]
    stake: Stake | None = None
    damaged: int = 0


class LossFile:
    """The file of this process alone, or one that was taken over."""

    def __init__(self, path: Path, file: int | None = None) -> None:
        self.path = path
        self._file = file

    @property
    def writer(self) -> str:
        """The worker whose losses it holds."""
        return self.path.name.removesuffix(LOST_SUFFIX)

    def open(self) -> bool:
        """Take the room it needs; whether it is new, and empty. Raises `OSError`."""
        if self._file is not None and not is_at(self.path, self._file):
            os.close(self._file)
            self._file = None
        if self._file is not None:
            return False
        self._file = self._take_spare()
        if self._file is None:
            self._file = create_locked(self.path, lambda file: write_all(file, _EMPTY))
        return True

    def write(self, losses: Iterable[Lost], stake: Stake | None, *, told: bool) -> None:
        """Hold these from now on. `told`: whether Redis has word of all. Raises `OSError`."""
        self.open()
        if self._file is not None:
            lines = b"".join(_line(lost) for lost in losses)
            if stake is not None:
                lines += _checked(
                    [stake.first, stake.last, stake.reason, [*stake.requests.items()]]
                )
            data = ((_BLANK if told and stake is None else b"") + lines).ljust(FILE_BYTES, _BLANK)
            write_all(self._file, data)
            os.fsync(self._file)

    def read(self) -> Contents:
        """What it holds, in order. Raises `OSError`."""
        losses: list[Lost] = []
        stake: Stake | None = None
        damaged = 0
        lines = b"" if self._file is None else os.pread(self._file, FILE_BYTES, 0)
        for line in filter(None, lines.split(b"\n")):
            found = _read(line)
            if isinstance(found, Lost):
                losses.append(found)
            elif isinstance(found, Stake):
                stake = found
            else:
                damaged += 1
        return Contents(losses, stake, damaged)

    def remove(self) -> None:
        """Redis knows of all of it, or there was nothing.

        The room is left to a worker that starts when the disk is full.
        """
        if self._file is not None:
            with contextlib.suppress(OSError):
                if len(left_in(self.path.parent, _SPARE_SUFFIX)) < _MOST_SPARES:
                    write_all(self._file, _EMPTY)
                    os.fsync(self._file)
                    self.path.rename(self.path.with_suffix(_SPARE_SUFFIX))
                else:
                    self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Let go of it; somebody else may take it up. Safe to repeat."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _take_spare(self) -> int | None:
        for spare in left_in(self.path.parent, _SPARE_SUFFIX):
            file = take_over(spare)
            if file is not None:
                try:
                    spare.rename(self.path)
                except OSError:
                    os.close(file)
                    return None
                return file
        return None


def abandoned_losses(folder: Path) -> Sequence[Path]:
    """The files in a folder, of whoever; `adopt_losses` tells which are abandoned."""
    return left_in(folder, LOST_SUFFIX)


def adopt_losses(path: Path) -> LossFile | None:
    """Take over a file; None where its worker lives or another one took it."""
    file = take_over(path)
    return None if file is None else LossFile(path, file)


def any_losses(folder: Path) -> bool:
    """Whether any worker holds losses that Redis was not told of, or entries in memory alone."""
    for path in abandoned_losses(folder):
        with contextlib.suppress(OSError), path.open("rb") as file:
            if file.read(1) not in (b"", _BLANK):
                return True
    return False


def _line(lost: Lost) -> bytes:
    return _checked([lost.number, lost.asked_at, lost.reason, dict(lost.amounts)])


def _checked(facts: list[Any]) -> bytes:
    text = json.dumps(facts, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _read(line: bytes) -> Lost | Stake | None:
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return None
    try:
        number, other, reason, facts = json.loads(text)
        if isinstance(facts, list):
            return Stake(number, other, reason, dict(cast("list[tuple[int, int]]", facts)))
        return Lost(number, other, reason, facts)
    except (ValueError, TypeError):
        return None
