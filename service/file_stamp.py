"""Tells one version of a file from another without reading it."""

from __future__ import annotations

import os
from pathlib import Path

Stamp = tuple[int, int, int]


def stamp_of(status: os.stat_result) -> Stamp:
    """When it was written, how large it is, and which file it is."""
    return status.st_mtime_ns, status.st_size, status.st_ino


def file_stamp(path: Path) -> Stamp | None:
    """The same of the file at a path; None where there is none that can be looked at."""
    try:
        return stamp_of(path.stat())
    except OSError:
        return None
