"""Tells once that a budget has passed a threshold: one event for all workers, window and limit.

What was spent can pass one when a request is reserved, when it is settled, or when the ledger's
journal is applied. Whoever sees it first notes it in Redis and is the only one to tell.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

from otel import attributes as names
from service.budgets.asking import PASS, Scripts, kind_of_value
from service.budgets.declared import Budget
from service.budgets.lease import KEPT_MS
from service.redis_store import StoreUnavailable

logger = logging.getLogger(__name__)

EVENT = "budget threshold passed"
_MEMORY = 10_000


class Thresholds:
    """Notes thresholds; remembers those it knows to be noted."""

    def __init__(self, scripts: Scripts, now: Callable[[], int]) -> None:
        self._scripts = scripts
        self._now = now
        self._known: set[tuple[str, int, int]] = set()

    def has_news(self, budget: Budget, key: str, spent: int) -> bool:
        """Whether so much passes a threshold of a window that may not be noted."""
        return bool(self._unknown(budget, key, spent))

    def announce(self, budget: Budget, key: str, passed: Iterable[int]) -> None:
        """Tell of thresholds that are noted and were not before."""
        for percent in passed:
            self._remember(budget, key, percent)
            # Of a budget that each user has only the first one's passing is told.
            logger.warning(
                EVENT, extra={names.BUDGET_NAME: budget.name, names.BUDGET_THRESHOLD: percent}
            )

    async def note(self, budget: Budget, key: str, spent: int, window_end: int) -> None:
        """Note thresholds that so much passes, and tell of the new ones. Never raises."""
        unknown = self._unknown(budget, key, spent)
        if not unknown:
            return
        # Only users are counted; a value has no colon in a key.
        counts = key.rsplit(":", 1)[0]
        args = [
            self._now(),
            kind_of_value(budget),
            window_end + KEPT_MS,
            budget.limit,
            *unknown,
        ]
        try:
            reply = await self._scripts.call(PASS, [key, f"{counts}#counts"], args)
        except StoreUnavailable:
            return  # The next request or the next look will note it.
        for percent in unknown:
            self._remember(budget, key, percent)
        self.announce(budget, key, (int(percent) for percent in reply))

    def _unknown(self, budget: Budget, key: str, spent: int) -> Sequence[int]:
        return [
            threshold.percent
            for threshold in budget.thresholds
            if spent >= threshold.amount
            and (key, threshold.percent, budget.limit) not in self._known
        ]

    def _remember(self, budget: Budget, key: str, percent: int) -> None:
        if len(self._known) >= _MEMORY:
            self._known.clear()
        self._known.add((key, percent, budget.limit))
