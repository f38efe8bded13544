"""Where budgets stand: read from Redis for the admin API, the operations page and the metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.budgets.asking import (
    STATE,
    Scripts,
    kind_of_value,
    value_from_key,
    window_key,
)
from service.budgets.declared import Budget, Declared
from service.budgets.telling import number_text
from service.budgets.windows import Window, local_time
from service.ledger.documents import BudgetState, UserThreshold
from service.redis_keys import NO_NUMBER, NO_NUMBER_OR_TYPE, DamagedKey

VALUES = 500
"""Apps, models, … of one budget that are told of at the most; the furthest ones."""
USERS = 100
"""Of one budget among whom the one who has used most is looked for; the furthest ones."""
EARLIEST_FORECAST = 0.05
"""The share of a window that has to pass before its pace says anything."""


@dataclass(frozen=True, slots=True)
class Stand:
    """One budget's window for one value; amounts in the budget's unit.

    Of a budget that each user has it is the window of the user who has used most, with `users` by
    threshold; `value` is None then, as it is for the whole.
    """

    budget: Budget
    window: Window
    key: str
    value: str | None
    spent: int
    reserved: int
    denials: int
    marks: frozenset[str]
    users: tuple[tuple[int, int], ...]
    read_at: int

    @property
    def remaining(self) -> int:
        """Limit less spent and reserved, at least 0."""
        return max(0, self.budget.limit - self.spent - self.reserved)

    @property
    def forecast(self) -> int | None:
        """What is spent by the window's end at the pace so far; None too early to tell."""
        whole = self.window.end - self.window.start
        passed = min(self.read_at, self.window.end) - self.window.start
        if passed < whole * EARLIEST_FORECAST:
            return None
        return self.spent * whole // passed

    @property
    def news(self) -> bool:
        """Whether a threshold is passed that nobody has noted."""
        return any(
            self.spent >= threshold.amount and self._mark(threshold.percent) not in self.marks
            for threshold in self.budget.thresholds
        )

    @property
    def level(self) -> str:
        """`ok`, `warning` from the first threshold on, `exhausted` when nothing is left."""
        limit, spent = self.budget.limit, self.spent
        if spent >= limit or (self._mark(100) in self.marks and spent >= self.budget.used_up):
            return "exhausted"
        return "ok" if self.budget.passed(spent) is None else "warning"

    def _mark(self, percent: int) -> str:
        return f"passed:{percent}:{self.budget.limit}"

    def document(self) -> BudgetState:
        """For everyone who shows it."""
        budget, window = self.budget, self.window
        unit, forecast = budget.unit, self.forecast
        return BudgetState(
            name=budget.name,
            scope=budget.scope,
            value=self.value,
            window=budget.window,
            time_zone=budget.zone.key,
            unit=unit,
            starts_at=local_time(budget.zone, window.start),
            resets_at=local_time(budget.zone, window.end),
            limit=number_text(unit, budget.limit),
            spent=number_text(unit, self.spent),
            reserved=number_text(unit, self.reserved),
            remaining=number_text(unit, self.remaining),
            used_percent=round(self.spent / budget.limit * 100, 2),
            forecast=None if forecast is None else number_text(unit, _rounded(unit, forecast)),
            denials=self.denials,
            level=self.level,
            users=tuple(UserThreshold(percent=p, users=n) for p, n in self.users),
        )


class Standing:
    """Reads all budgets' present windows."""

    def __init__(self, scripts: Scripts, now: Callable[[], int]) -> None:
        self._scripts = scripts
        self._now = now

    async def read(self, declared: Declared) -> tuple[Stand, ...]:
        """In the order of the file, the values of one budget furthest first.

        Raises `StoreUnavailable`, also as `DamagedKey`.
        """
        found = await asyncio.gather(*(self._read(budget) for budget in declared.budgets))
        return tuple(stand for stands in found for stand in stands)

    async def read_those_that_can(
        self, declared: Declared
    ) -> tuple[tuple[Stand, ...], tuple[DamagedKey, ...]]:
        """The same beside those that are damaged, and their keys. Raises `StoreUnavailable`."""
        found: list[Stand] = []
        damaged: list[DamagedKey] = []
        readings = (self._read(budget) for budget in declared.budgets)
        for read in await asyncio.gather(*readings, return_exceptions=True):
            if isinstance(read, DamagedKey):
                damaged.append(read)
            elif isinstance(read, BaseException):
                raise read
            else:
                found += read
        return tuple(found), tuple(damaged)

    async def _read(self, budget: Budget) -> Sequence[Stand]:
        now = self._now()
        window = budget.windows.at(now)
        key, kind = window_key(budget, window), kind_of_value(budget)
        most = USERS if kind == "user" else VALUES
        reply = await self._scripts.call(
            STATE, [key, f"{key}#values", f"{key}#counts"], [now, kind, most]
        )
        if reply[0] == b"damaged":
            raise DamagedKey(reply[1].decode(errors="replace"), NO_NUMBER_OR_TYPE)
        counts = _counts(f"{key}#counts", reply[0])
        rows = [_row(budget, window, key, row, now) for row in reply[1:]]
        if kind == "none":
            return rows
        if kind == "user":
            return [_furthest(budget, window, key, rows, counts, now)]
        named = [row for row in rows if budget.value in (None, row.value)]
        if budget.value is not None and not named:
            named = [_empty(budget, window, key, budget.value, now)]
        return sorted(named, key=lambda row: row.spent, reverse=True)


def _row(budget: Budget, window: Window, key: str, row: Sequence[Any], now: int) -> Stand:
    value = row[0].decode(errors="replace")
    return Stand(
        budget,
        window,
        f"{key}:{value}" if value else key,
        value_from_key(value) or None,
        int(row[1]),
        int(row[2]),
        int(row[3]),
        frozenset(row[4].decode(errors="replace").split(",")),
        (),
        now,
    )


def _empty(budget: Budget, window: Window, key: str, value: str | None, now: int) -> Stand:
    return Stand(budget, window, key, value, 0, 0, 0, frozenset(), (), now)


def _furthest(
    budget: Budget,
    window: Window,
    key: str,
    rows: Sequence[Stand],
    counts: Mapping[str, int],
    now: int,
) -> Stand:
    """The user who has used most stands for all; who that is stays here."""
    most = max(rows, key=lambda row: row.spent, default=_empty(budget, window, key, None, now))
    users = tuple(
        (threshold.percent, counts.get(f"passed:{threshold.percent}:{budget.limit}", 0))
        for threshold in budget.thresholds
    )
    return Stand(
        budget,
        window,
        most.key,
        None,
        most.spent,
        most.reserved,
        counts.get("denials", 0),
        most.marks,
        users,
        now,
    )


def _counts(key: str, flat: Sequence[bytes]) -> Mapping[str, int]:
    try:
        return {
            name.decode(errors="replace"): int(count)
            for name, count in zip(flat[::2], flat[1::2], strict=True)
        }
    except ValueError:
        raise DamagedKey(key, NO_NUMBER) from None


def _rounded(unit: str, amount: int) -> int:
    """A forecast to the micro-dollar: more digits would promise what it cannot keep."""
    return amount - amount % 1_000_000 if unit == "usd" else amount
