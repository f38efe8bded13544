"""The real service with figures that a test decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from fastapi import FastAPI

from service.api.admin.monitoring import Sources, sources_of
from service.ledger.documents import BudgetState, Day, Notable, Usage
from service.redis_store import StoreUnavailable
from tests.page import samples


@dataclass
class Figures:
    """What the ledger and the budgets tell; a test changes it while the service runs."""

    today: Usage = field(default_factory=samples.full_usage)
    days: tuple[Day, ...] = field(default_factory=samples.history)
    hour: Notable = field(default_factory=samples.notable)
    budgets: tuple[BudgetState, ...] = field(default_factory=samples.budgets)
    now: datetime = samples.NOW
    waiting: int = 0
    available: bool = True
    budgets_available: bool = True

    async def usage(self, period: str) -> Usage:
        self._ask(self.available)
        assert period == "today"
        return self.today

    async def history(self, days: int) -> tuple[Day, ...]:
        self._ask(self.available)
        return self.days[-days:]

    async def notable(self, limit: int = 10) -> Notable:
        self._ask(self.available)
        return self.hour

    async def states(self) -> tuple[BudgetState, ...]:
        self._ask(self.available and self.budgets_available)
        return self.budgets

    def _ask(self, available: bool) -> None:
        if not available:
            raise StoreUnavailable("Redis did not answer HGETALL (ConnectionError).")


def empty() -> Figures:
    """Nothing was ever asked."""
    return Figures(
        samples.usage(),
        samples.no_history(),
        samples.Notable(),
        (samples.budget(spent="0", reserved="0", remaining="10", used_percent=0, forecast=None),),
    )


def serve(app: FastAPI, figures: Figures) -> None:
    """Have the page tell these figures."""
    app.dependency_overrides[sources_of] = lambda: Sources(
        figures, figures, lambda: figures.waiting, lambda: figures.now
    )
