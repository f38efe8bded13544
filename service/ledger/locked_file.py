"""Files that are locked while their worker lives, from before they have their names.

A free lock says that the worker is gone: whoever takes the lock takes over what the file holds. All
of this blocks: call it off the event loop.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_UNNAMED = ".new"
_BEGINNING_SECONDS = 60.0
"""How long a file may be without its name while its worker makes it."""


def create_locked(path: Path, fill: Callable[[int], None] | None = None) -> int:
    """Make a file, and its folder where there is none; the open file. Raises `OSError`.

    `fill` writes to the open file what is in it when it gets its name.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_suffix(_UNNAMED)
    file = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if fill is not None:
            fill(file)
            os.fsync(file)
        # It gets its name when it is locked: nobody ever finds it free while we live.
        temporary.rename(path)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError:
        for name in (temporary, path):
            with contextlib.suppress(OSError):
                name.unlink(missing_ok=True)
        os.close(file)
        raise
    return file


def is_at(path: Path, file: int) -> bool:
    """Whether an open file is the one at a path; it may have been removed, or its folder."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        # Nobody can look there now; what is written is there for when somebody can.
        return True


def take_over(path: Path) -> int | None:
    """The open file, locked by us; None where its worker lives or another one took it."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Whoever had the lock may have finished and removed the file meanwhile.
        if os.stat(path).st_ino == os.fstat(file).st_ino:  # noqa: PTH116 - as of the open file
            return file
    except OSError:
        pass
    os.close(file)
    return None


def left_in(folder: Path, suffix: str) -> Sequence[Path]:
    """The files of a folder whose names end so, of whoever."""
    try:
        return sorted(folder.glob(f"*{suffix}"))
    except OSError:
        return ()


def remove_unnamed(folder: Path) -> None:
    """Remove what workers left that died while they made a file: nothing is in it."""
    for path in left_in(folder, _UNNAMED):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > _BEGINNING_SECONDS:
                path.unlink()


def write_all(file: int, data: bytes, position: int = 0) -> None:
    """Write all of it. Raises `OSError`."""
    _, error = write_at(file, data, position)
    if error is not None:
        raise error


def write_at(file: int, data: bytes, position: int) -> tuple[int, OSError | None]:
    """Write as much as there is room for; how many bytes, and what kept the others away."""
    written = 0
    try:
        while written < len(data):
            written += os.pwrite(file, data[written:], position + written)
    except OSError as error:
        return written, error
    return written, None
