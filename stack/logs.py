"""The components' log files: their last lines, and lines as they come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

_BLOCK_BYTES = 64 * 1024
_POLL_SECONDS = 0.2


def last_lines(path: Path, count: int) -> list[str]:
    """Return up to `count` lines from the end of `path`; none if there is no such file."""
    if count <= 0 or not path.is_file():
        return []
    with path.open("rb") as file:
        position = file.seek(0, 2)
        tail = b""
        while position > 0 and tail.count(b"\n") <= count:
            step = min(_BLOCK_BYTES, position)
            position -= step
            file.seek(position)
            tail = file.read(step) + tail
    lines = tail.decode(errors="replace").splitlines()
    return [line for line in lines if line.strip()][-count:]


def follow(path: Path, *, seconds: float | None = None) -> Iterator[str]:
    """Return the lines appended to `path` from now on, as they come, through rotation.

    Ends after `seconds`, or never.
    """
    return _follow(path, _size(path), None if seconds is None else time.monotonic() + seconds)


def _follow(path: Path, position: int, end: float | None) -> Iterator[str]:
    rest = b""
    while end is None or time.monotonic() < end:
        size = _size(path)
        if size < position:
            # A new file took its place.
            position, rest = 0, b""
        if size == position:
            time.sleep(_POLL_SECONDS)
            continue
        with path.open("rb") as file:
            file.seek(position)
            data = file.read(_BLOCK_BYTES)
        position += len(data)
        *lines, rest = (rest + data).split(b"\n")
        yield from (line.decode(errors="replace") for line in lines)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
