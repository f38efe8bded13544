"""Tells where budgets stand as metrics: of users only how many have passed which threshold."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from otel import attributes as a
from otel import names
from otel.instruments import Instruments
from otel.labels import Labels
from otel.metric import Metric
from service.budgets.standing import Stand
from service.ledger.entry import Unit

Amount = Callable[[Stand], int | None]

_AMOUNTS: tuple[tuple[Metric, Amount], ...] = (
    (names.BUDGET_LIMIT, lambda stand: stand.budget.limit),
    (names.BUDGET_SPENT, lambda stand: stand.spent),
    (names.BUDGET_RESERVED, lambda stand: stand.reserved),
    (names.BUDGET_REMAINING, lambda stand: stand.remaining),
    (names.BUDGET_FORECAST, lambda stand: stand.forecast),
)


class Gauges:
    """Holds what was read last for the next collection."""

    def __init__(self, instruments: Instruments) -> None:
        self._instruments = instruments
        self._shown: Sequence[Stand] = ()

    def register(self) -> None:
        """Have the metrics observed from now on."""
        for metric, amount in _AMOUNTS:
            self._instruments.observe_gauge(metric, self._observer(amount))
        self._instruments.observe_gauge(names.BUDGET_USERS, self._users)

    def show(self, stands: Sequence[Stand]) -> None:
        """Tell of these until others come."""
        self._shown = stands

    def forget(self) -> None:
        """Tell of nothing: what was read last is no longer known to be so."""
        self._shown = ()

    def _observer(self, amount: Amount) -> Callable[[], Iterable[tuple[float, Labels]]]:
        def observe() -> Iterable[tuple[float, Labels]]:
            for stand in self._shown:
                found = amount(stand)
                if stand.budget.scope != "user" and found is not None:
                    yield _number(stand.budget.unit, found), _labels(stand)

        return observe

    def _users(self) -> Iterable[tuple[float, Labels]]:
        for stand in self._shown:
            for percent, users in stand.users:
                yield (
                    float(users),
                    {a.BUDGET_NAME: stand.budget.name, a.BUDGET_THRESHOLD: percent},
                )


def _number(unit: Unit, amount: int) -> float:
    return amount / 1e12 if unit == "usd" else float(amount)


def _labels(stand: Stand) -> Labels:
    budget = stand.budget
    return {
        a.BUDGET_NAME: budget.name,
        a.BUDGET_SCOPE: budget.scope,
        a.BUDGET_VALUE: stand.value,
        a.BUDGET_UNIT: budget.unit,
        a.BUDGET_WINDOW: budget.window,
    }
