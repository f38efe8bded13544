"""The budgets file while the service runs: taken in anew when it changes, or refused as a whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from service.budgets.declared import BudgetsError, Declared
from service.file_watch import ReloadedFile


class BudgetsFile(ReloadedFile[Declared]):
    """What the file last said that could be used; `read` raises `BudgetsError`."""

    def __init__(self, path: Path, read: Callable[[], Declared]) -> None:
        super().__init__(path, read, fault=BudgetsError, what="budgets", first=Declared())

    @property
    def declared(self) -> Declared:
        """The budgets in force."""
        return self.current
