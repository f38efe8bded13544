"""What the page says where something cannot be read: too slow is not the same as away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from service.api.admin import monitoring
from service.ledger.documents import BudgetState, Day, Notable, Usage
from service.redis_store import StoreUnavailable
from service.web.monitoring import notices
from tests.page import samples

Wait = Callable[[], Awaitable[None]]


async def at_once() -> None:
    return


async def for_ever() -> None:
    await asyncio.Event().wait()


async def away() -> None:
    raise StoreUnavailable("Redis did not answer HSCAN (ConnectionError).")


class Figures:
    def __init__(self, history: Wait, budgets: Wait) -> None:
        self._history = history
        self._budgets = budgets

    async def usage(self, period: str) -> Usage:
        return samples.full_usage()

    async def history(self, days: int) -> tuple[Day, ...]:
        await self._history()
        return samples.history()

    async def notable(self, limit: int) -> Notable:
        return samples.notable()

    async def states(self) -> tuple[BudgetState, ...]:
        await self._budgets()
        return samples.budgets()


@pytest.mark.parametrize(
    ("history", "budgets", "key", "told"),
    [
        (for_ever, at_once, "slow", "Reading took too long: usage cannot"),
        (for_ever, for_ever, "slow", "Reading took too long: usage and budgets cannot"),
        (away, at_once, "missing", "Redis does not answer: usage cannot"),
        (for_ever, away, "missing", "Redis does not answer: usage and budgets cannot"),
    ],
)
async def test_what_takes_too_long_is_told_apart_from_a_redis_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    history: Wait,
    budgets: Wait,
    key: str,
    told: str,
) -> None:
    monkeypatch.setattr(monitoring, "READ_SECONDS", 0.01)
    figures = Figures(history, budgets)
    sources = monitoring.Sources(figures, figures, lambda: 0)
    known = await monitoring.what_is_known(sources, 30, ())
    assert known.history is None
    notice = notices(known)[0]
    assert notice.key == key
    assert notice.title.startswith(told)
    assert ("took more than 0.01 s" in caplog.text) == (for_ever in (history, budgets))
