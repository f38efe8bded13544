"""Tells one version of a file from another without reading it."""

from __future__ import annotations

import os
from pathlib import Path

Stamp = tuple[int, int, int, int, int]

_TICK_SECONDS = 2.0
"""Two writes within one tick of a file system's clock leave the same times; no tick is longer."""


def stamp_of(status: os.stat_result) -> Stamp:
    """When it was written and changed, how large it is, and which file it is.

    The time of its last change is the kernel's own: copying a file with its times, or writing as
    much as before into it, does not hide that it is another.
    """
    return (
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_size,
        status.st_ino,
        status.st_dev,
    )


def file_stamp(path: Path) -> Stamp | None:
    """The same of the file at a path; None where there is none that can be looked at."""
    try:
        return stamp_of(path.stat())
    except (OSError, ValueError):
        return None


def is_fresh(stamp: Stamp | None, now: float) -> bool:
    """Whether the file may be written once more without its stamp becoming another.

    `now` in seconds since the epoch.
    """
    return stamp is not None and abs(now - stamp[1] / 1e9) < _TICK_SECONDS
