"""Counts entries that are lost, and says so once an episode."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Literal

from otel import attributes as a
from otel.instruments import Instruments

logger = logging.getLogger(__name__)

Kind = Literal["journal_full", "journal_failed"]


class Losses:
    """Of one worker."""

    def __init__(self, instruments: Instruments, folder: Path) -> None:
        self._instruments = instruments
        self._folder = folder
        self._said = False

    def count(self, number: int, kind: Kind, why: str) -> None:
        """Count entries that are lost for the same reason."""
        self._instruments.ledger_dropped.add(number, {a.ERROR_TYPE: kind})
        if not self._said:
            self._said = True
            logger.error(
                "Entries of the usage ledger are lost: %s. All that are lost are counted in "
                "gaugeway.ledger.dropped; more of the kind are not logged. Journals: %s.",
                why,
                self._folder,
            )

    def over(self) -> None:
        """The episode is over: the next loss is told again."""
        self._said = False
