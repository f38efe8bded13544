"""Counts entries that are lost: in a metric, in their periods, and once an episode in the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from otel import attributes as a
from otel.instruments import Instruments
from service.ledger.counters import counters_of
from service.ledger.entry import Entry, LossKind
from service.ledger.latency import bucket_counter
from service.ledger.loss_book import LossBook

logger = logging.getLogger(__name__)


class Losses:
    """Of one worker."""

    def __init__(
        self,
        instruments: Instruments,
        book: LossBook,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.book = book
        self._instruments = instruments
        self._now = now
        self._episode = 0
        self._said = False

    @property
    def episode(self) -> int:
        """How many were lost since `over`."""
        return self._episode

    def lose(self, entries: Iterable[Entry], kind: LossKind, why: str) -> None:
        """Count entries that are lost for the same reason."""
        number = 0
        for entry in entries:
            number += 1
            self.book.add(entry.asked_at, kind, _amounts(entry))
        self._tell(number, kind, why)

    def count(self, number: int, kind: LossKind, why: str, *, asked_at: int | None = None) -> None:
        """Count entries of which nothing else is known.

        `asked_at` is when they were asked, about, in milliseconds since the epoch; None: now.
        """
        if number:
            moment = int(self._now() * 1000) if asked_at is None else asked_at
            # What they cost is as little known as where there is no price.
            self.book.add(moment, kind, {"requests": number, "unpriced": number})
            self._tell(number, kind, why)

    def of(self, book: LossBook) -> Losses:
        """The same for what another worker left."""
        return Losses(self._instruments, book, now=self._now)

    def over(self) -> None:
        """The episode is over: the next loss is told again."""
        self._said = False
        self._episode = 0

    def _tell(self, number: int, kind: LossKind, why: str) -> None:
        if not number:
            return
        self._episode += number
        self._instruments.ledger_dropped.add(number, {a.ERROR_TYPE: kind})
        if not self._said:
            self._said = True
            logger.error(
                "Entries of the usage ledger are lost: %s. All that are lost are counted, in "
                "gaugeway.ledger.dropped and in /admin/usage; more of the kind are not logged.",
                why,
            )


def _amounts(entry: Entry) -> dict[str, int]:
    """What an entry would have added, but for its latency: percentiles are of what is counted."""
    timing = {"latency_us", bucket_counter(entry.latency_us)}
    amounts = counters_of(entry)
    return {counter: amount for counter, amount in amounts.items() if counter not in timing}
