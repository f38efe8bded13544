"""Where the workers of one home keep what Redis does not know of yet."""

from __future__ import annotations

from pathlib import Path

from service.ledger.abandoned import any_waiting
from service.ledger.loss_file import LOST_SUFFIX, LossFile, any_losses

JOURNAL_FOLDER = "journal"
"""Inside GAUGEWAY_HOME."""
LOSSES_FOLDER = "losses"
"""Inside GAUGEWAY_HOME too, where nobody takes it for a journal."""


class Places:
    """Those of a home."""

    def __init__(self, home: Path) -> None:
        self.journals = home / JOURNAL_FOLDER
        self.losses = home / LOSSES_FOLDER

    def loss_file(self, writer: str) -> LossFile:
        """The file of a worker; it is made when it is opened."""
        return LossFile(self.losses / f"{writer}{LOST_SUFFIX}")

    def any_left(self) -> bool:
        """Whether entries of anybody wait, or were lost without Redis having word. It blocks."""
        return any_waiting(self.journals) or any_losses(self.losses)
