"""The sessions that somebody logged out of, until their time would have been over.

They are a file beside the keys, not in Redis: ending a session must hold at once in all workers,
and must go on holding while Redis is away.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from service.file_stamp import Stamp, stamp_of
from service.key_file import locked, write_private

FILE: Final = "ended-sessions"


class EndedSessions:
    """The list of one home directory. Its methods touch the disk: call them from a thread."""

    def __init__(self, home: Path, *, now: Callable[[], float] = time.time) -> None:
        self._home = home
        self._path = home / FILE
        self._now = now
        self._stamp: Stamp | None = None
        self._ended: dict[str, float] = {}

    def end(self, identity: str, until: float) -> None:
        """End a session for good; `until` is when it would have ended by itself (epoch seconds)."""
        with locked(self._home):
            now = self._now()
            ended = {name: time for name, time in _read(self._path).items() if time > now}
            ended[identity] = until
            text = "".join(f"{name} {end:.0f}\n" for name, end in ended.items())
            write_private(self._path, text)

    def __contains__(self, identity: str) -> bool:
        """Whether a session was ended; every one was while the list cannot be read."""
        try:
            stamp = stamp_of(self._path.stat())
            if stamp != self._stamp:
                self._ended = _read(self._path)
                self._stamp = stamp
        except FileNotFoundError:
            return False
        except (OSError, ValueError):
            return True
        return identity in self._ended


def _read(path: Path) -> dict[str, float]:
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return {}
    return {name: float(end) for name, _, end in (line.partition(" ") for line in lines)}
