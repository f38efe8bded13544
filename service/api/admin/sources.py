"""Where the operators' figures come from, as narrow as they are used; tests put in their own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Literal, Protocol

from fastapi import Request

from service.api.context import runtime_of
from service.errors import LedgerUnavailable
from service.ledger.documents import BudgetState, Day, Notable, Totals, Usage
from service.redis_keys import DamagedKey
from service.redis_store import StoreUnavailable

Period = Literal["today", "yesterday", "week", "month"]


class Pace(Protocol):
    """What ended in the last full minute."""

    @property
    def requests(self) -> int:
        """How many requests."""
        ...

    @property
    def errors(self) -> int:
        """How many of them failed."""
        ...


class Reader(Protocol):
    """What is asked of the ledger. Each raises `StoreUnavailable`."""

    async def usage(self, period: Period) -> Usage:
        """What was used in a period."""
        ...

    async def history(self, days: int) -> tuple[Day, ...]:
        """So many days, oldest first."""
        ...

    async def hour(self, back: int = 0) -> Totals:
        """What was used in the present hour, or in one that many hours before."""
        ...

    async def notable(self, limit: int) -> Notable:
        """The requests of the last 60 minutes worth looking at."""
        ...

    async def minute_rate(self) -> Pace:
        """What ended in the last full minute."""
        ...


class BudgetStates(Protocol):
    """What is asked of the budgets."""

    async def states(self) -> tuple[BudgetState, ...]:
        """Every budget's present window. Raises `StoreUnavailable`."""
        ...


class LedgerState(Protocol):
    """What is asked of this worker's way into the ledger."""

    @property
    def available(self) -> bool:
        """Whether Redis takes entries now."""
        ...

    @property
    def pending(self) -> int:
        """How many entries wait, on disk or in memory."""
        ...

    @property
    def held(self) -> int:
        """How many of them wait in memory alone."""
        ...

    @property
    def lost(self) -> int:
        """How many entries were lost of which Redis does not know yet."""
        ...


def reader_of(request: Request) -> Reader:
    """The running service's ledger, to read."""
    return runtime_of(request).books.reader


def budgets_of(request: Request) -> BudgetStates:
    """The running service's budgets."""
    return runtime_of(request).books.budgets


def ledger_of(request: Request) -> LedgerState:
    """The running service's ledger, to write."""
    return runtime_of(request).books.ledger


@asynccontextmanager
async def readable(what: str) -> AsyncGenerator[None]:
    """Turn a Redis that does not answer, or a damaged key, into an error that says what it is."""
    try:
        yield
    except DamagedKey as damaged:
        raise LedgerUnavailable(f"{what} cannot be read: {damaged}") from None
    except StoreUnavailable:
        raise LedgerUnavailable(
            f"{what} cannot be read: Redis does not answer. See that it runs and that REDIS_URL "
            "leads to it; what is used meanwhile waits in a journal and is added later.",
            retry_after=5,
        ) from None
