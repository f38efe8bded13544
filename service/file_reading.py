"""Reads a file that somebody else may have put there, and never waits for what is not a file.

A named pipe, a device or a directory in its place is refused at once; a file is read up to a bound.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

MOST_BYTES = 8 * 1024**2
"""Of one file; what people and this service write is far from it."""
_BLOCK = 1024**2


class FileUnreadableError(Exception):
    """A file cannot be read; the message goes on after its name. `missing`: there is none."""

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


def read_file(path: Path, most: int = MOST_BYTES) -> bytes:
    """What a file holds, of one version of it. Raises `FileUnreadableError`."""
    try:
        # Without O_NONBLOCK a pipe would be waited for until somebody writes into it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise FileUnreadableError(
            f"cannot be read: {error.strerror}", missing=isinstance(error, FileNotFoundError)
        ) from None
    except ValueError:
        raise FileUnreadableError("has a name that no file can have") from None
    try:
        return _content(descriptor, most)
    except OSError as error:
        raise FileUnreadableError(f"cannot be read: {error.strerror}") from None
    finally:
        os.close(descriptor)


def can_be_read(path: Path) -> bool:
    """Whether there is a file that could be read, whatever is in it."""
    try:
        read_file(path)
    except FileUnreadableError:
        return False
    return True


def _content(descriptor: int, most: int) -> bytes:
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISDIR(kind):
        raise FileUnreadableError("is a directory, not a file")
    if not stat.S_ISREG(kind):
        raise FileUnreadableError("is a pipe or a device, not a file")
    content = bytearray()
    while block := os.read(descriptor, _BLOCK):
        content += block
        if len(content) > most:
            raise FileUnreadableError(f"is longer than {most:,} bytes")
    return bytes(content)
