"""The file of ended sessions: a line for each, its id and when it would have ended by itself.

A line `* <moment>` says that all sessions which began before that moment are over: it takes the
place of lines that were lost. A file without any line has lost them: ours begin with a remark. All
of this blocks: call it off the event loop.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from service.file_reading import FileUnreadableError, read_file
from service.file_stamp import Stamp, is_fresh, stamp_of
from service.key_file import locked, write_private

FILE: Final = "ended-sessions"
_EVERY: Final = "*"
_LOCK_SECONDS: Final = 1.0
"""Who logs out waits for it."""
_REMARK: Final = "# Sessions that were logged out of, and when they would have ended.\n"
_LINE: Final = re.compile(r"([A-Za-z0-9_-]{1,128}|\*) ([0-9]{1,12}(?:\.[0-9]{1,9})?)")


@dataclass(frozen=True, slots=True)
class Ended:
    """Which sessions are over: by id until when, and all that began before a moment (epoch)."""

    until: Mapping[str, float] = field(default_factory=dict[str, float])
    before: float = 0.0
    fault: str | None = None
    """Why the file, or a part of it, could not be read; the message goes on after its name."""

    def __or__(self, other: Ended) -> Ended:
        """What either knows."""
        return Ended({**self.until, **other.until}, max(self.before, other.before), self.fault)

    def covers(self, other: Ended) -> bool:
        """Whether it ends all that another one ends."""
        return other.before <= self.before and other.until.keys() <= self.until.keys()

    def left(self, now: float, lifetime: float) -> Ended:
        """Without what would be over by itself by now."""
        until = {name: end for name, end in self.until.items() if end > now}
        return Ended(until, self.before if self.before + lifetime > now else 0.0, self.fault)


@dataclass(frozen=True, slots=True)
class _Version:
    """What is in the file's place, and what that leads to where it is a link."""

    place: Stamp
    content: Stamp

    @property
    def changed_at(self) -> float:
        return max(self.place[1], self.content[1]) / 1e9

    def is_fresh(self, now: float) -> bool:
        return is_fresh(self.place, now) or is_fresh(self.content, now)


class EndedFile:
    """The file of one home; `now` gives seconds since the epoch."""

    def __init__(self, home: Path, *, now: Callable[[], float]) -> None:
        self.path = home / FILE
        self._home = home
        self._now = now
        self._last: tuple[_Version | None, Ended] = (None, Ended())

    def read(self) -> Ended:
        """What it says, read again only where it has changed. Never raises."""
        version = self._version()
        before, found = self._last
        if version is not None and version == before and not version.is_fresh(self._now()):
            return found
        found = self._parsed(version, found)
        self._last = (version, found)
        return found

    def add(self, more: Ended, lifetime: float) -> Ended:
        """Write down what is over besides; what it says then. Raises `KeysError`."""
        with locked(self._home, seconds=_LOCK_SECONDS):
            found = self.read()
            whole = (found | more).left(self._now(), lifetime)
            if found.fault is None and found.covers(whole):
                return found
            write_private(self.path, _text(whole))
            return Ended(whole.until, whole.before)

    def _version(self) -> _Version | None:
        try:
            place = stamp_of(self.path.lstat())
            try:
                return _Version(place, stamp_of(self.path.stat()))
            except OSError:
                return _Version(place, place)  # A link that leads nowhere.
        except OSError:
            return None

    def _parsed(self, version: _Version | None, last: Ended) -> Ended:
        try:
            text = read_file(self.path).decode("ascii", errors="replace")
        except FileUnreadableError as error:
            if error.missing and version is None:
                return Ended()
            return Ended(before=self._lost_before(version, last), fault=str(error))
        lines = [line for line in text.splitlines() if not line.startswith("#")]
        if not text:
            return Ended(before=self._lost_before(version, last), fault="is empty")
        found = [_LINE.fullmatch(line) for line in lines]
        known = [(match[1], float(match[2])) for match in found if match is not None]
        until = {name: end for name, end in known if name != _EVERY}
        before = max((end for name, end in known if name == _EVERY), default=0.0)
        if len(known) == len(lines):
            return Ended(until, before)
        first = next(number for number, match in enumerate(found, 1) if match is None)
        lost = self._lost_before(version, last)
        return Ended(until, max(before, lost), f"holds something else in line {first}")

    def _lost_before(self, version: _Version | None, last: Ended) -> float:
        """Sessions that began later were not yet in what was lost: its change is when it was lost.

        All workers find the same moment, and who logs in after it is not sent back to the form.
        """
        if version is not None:
            return min(version.changed_at, self._now())
        return last.before if last.fault is not None else self._now()


def _text(ended: Ended) -> str:
    lines = [f"{name} {end:.0f}\n" for name, end in ended.until.items()]
    if ended.before:
        lines.append(f"{_EVERY} {ended.before:.6f}\n")
    return _REMARK + "".join(lines)
