"""Tells of keys in which entries could not be counted; they are counted everywhere else."""

from __future__ import annotations

from collections.abc import Sequence

from otel import attributes as a
from otel.instruments import Instruments
from service.ledger.calendar import PREFIX
from service.redis_keys import DamagedKey, DamageReport

KIND = "key_damaged"
_USAGE = f"{PREFIX}usage:"
# What of the ledger's is begun anew where it is damaged: it counts nothing.
_ITS_OWN = tuple(f"{PREFIX}{kind}:" for kind in ("writer", "seen", "open", "estimated"))


class Damage:
    """Counts and says it. Without `instruments` it is only said."""

    def __init__(
        self, instruments: Instruments | None = None, *, report: DamageReport | None = None
    ) -> None:
        self._instruments = instruments
        self._report = report or DamageReport()

    def note(self, keys: Sequence[Sequence[str]], entries: int) -> None:
        """Keys, with what Redis said of each, that some of so many entries were to be counted in.

        What a budget's window lacks is told by those who ask the budget.
        """
        for key, said in keys:
            self._report.tell(DamagedKey(key, said), _consequence(key))
        if self._instruments is not None and any(key.startswith(_USAGE) for key, _ in keys):
            self._instruments.ledger_dropped.add(entries, {a.ERROR_TYPE: KIND})


def _consequence(key: str) -> str:
    if key.startswith(_ITS_OWN):
        return "The usage ledger has begun one of its keys anew; no entry is missing."
    return "Entries of the usage ledger are not counted in one of its keys; they are in the others."
