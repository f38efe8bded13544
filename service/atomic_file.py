"""Files that are written whole or not at all, whatever becomes of the disk or the process.

The new content goes to a file beside the old one, is seen on disk, and takes the old one's name. A
write that fails leaves the old file as it was and nothing beside it; what a killed process left is
removed by the next write to the same name. All of this blocks: call it off the event loop.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

_UNNAMED = ".partial"
_WRITING_SECONDS = 3_600.0
"""A file without its name that is older was left by a process that is gone."""


def write_atomically(path: Path, data: bytes | str, mode: int = 0o600) -> None:
    """Replace a file as a whole. Raises `OSError`; then the file is as it was."""
    with replacing(path, mode) as file:
        file.write(data.encode() if isinstance(data, str) else data)


def create_atomically(path: Path, data: bytes | str, mode: int = 0o600) -> bool:
    """Make a file where there is none, of several processes once; whether this call made it.

    Raises `OSError`; then there is no more than before.
    """
    with _unnamed(path, mode) as (partial, file):
        file.write(data.encode() if isinstance(data, str) else data)
        _to_disk(file)
        try:
            # A link, unlike a rename, leaves the file of a faster process in place.
            path.hardlink_to(partial)
        except FileExistsError:
            return False
    _note_name(path)
    return True


@contextlib.contextmanager
def replacing(path: Path, mode: int | None = 0o600) -> Generator[BinaryIO]:
    """A file that takes its name, and another's place, when the block ends without an error.

    `mode` None: as the umask says. Raises `OSError`; then the file is as it was.
    """
    with _unnamed(path, mode) as (partial, file):
        yield file
        _to_disk(file)
        partial.replace(path)
    _note_name(path)


@contextlib.contextmanager
def _unnamed(path: Path, mode: int | None) -> Generator[tuple[Path, BinaryIO]]:
    """A file that is gone when the block ends, unless it was given a name."""
    _remove_left_behind(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}{_UNNAMED}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(partial, flags, 0o666 if mode is None else mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if mode is not None:
                os.fchmod(descriptor, mode)
            yield partial, file
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _note_name(path: Path) -> None:
    """Have the new name survive a power cut too.

    Everybody reads the new file by now: an error would say of it that it is not there.
    """
    with contextlib.suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _remove_left_behind(path: Path) -> None:
    with contextlib.suppress(OSError), os.scandir(path.parent) as files:
        for file in files:
            ours = file.name.startswith(f".{path.name}.") and file.name.endswith(_UNNAMED)
            if ours and time.time() - file.stat().st_mtime > _WRITING_SECONDS:
                Path(file.path).unlink()
