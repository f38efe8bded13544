"""Reads journals in parts: a line that was cut off, as by a kill, is passed over and counted."""

from __future__ import annotations

import os
from typing import NamedTuple

from service.ledger.entry import Numbered
from service.ledger.lines import read_line

SUFFIX = ".jsonl"
"""What the names of journals end with."""
_READ_BYTES = 1024 * 1024


class Part(NamedTuple):
    """What was read of a journal: entries, lines nobody can read, and where to read on."""

    entries: list[Numbered]
    damaged: int
    position: int


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
