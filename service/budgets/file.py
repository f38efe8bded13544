"""The budgets file while the service runs: taken in anew when it changes, or refused as a whole."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from service.budgets.declared import BudgetsError, Declared

logger = logging.getLogger(__name__)

Mark = tuple[int, int, int] | None


class BudgetsFile:
    """What the file last said that could be used. `load` and `reload` block: call them in a thread.

    `read` makes budgets of the file and raises `BudgetsError`.
    """

    def __init__(self, path: Path, read: Callable[[], Declared]) -> None:
        self._path = path
        self._read = read
        self._mark: Mark = None
        self.declared = Declared()

    def load(self) -> None:
        """Take it in. Raises `BudgetsError`."""
        # Before it is read: a change in between is seen at the next look.
        self._mark = _mark(self._path)
        self.declared = self._read()

    def reload(self) -> Literal["applied", "refused"] | None:
        """Take it in if it has changed; a file that cannot be used leaves all as it was."""
        mark = _mark(self._path)
        if mark == self._mark:
            return None
        before, self._mark = self._mark, mark
        declared, fault = self._taken()
        if _mark(self._path) != mark:
            # It is being written: a part of it, or nothing at all, may be a valid file too.
            self._mark = before
            return None
        if declared is None:
            logger.error("%s\nThe budgets read before stay in force.", fault)
            return "refused"
        self.declared = declared
        logger.info(
            "The budgets file %s is in force: %d budgets.", self._path, len(self.declared.budgets)
        )
        return "applied"

    def _taken(self) -> tuple[Declared | None, BudgetsError | None]:
        try:
            return self._read(), None
        except BudgetsError as error:
            return None, error


def _mark(path: Path) -> Mark:
    try:
        known = path.stat()
    except OSError:
        return None
    return known.st_mtime_ns, known.st_size, known.st_ino
