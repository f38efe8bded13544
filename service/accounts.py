"""One client request's money: reserved before a target is asked, entered in the ledger at its end.

An account is closed exactly once, on every way a request can end; what it reserved is settled by
the same entry, so that neither a crash nor a race can count it twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from time import perf_counter
from typing import Protocol

from otel import attributes as names
from otel.instruments import Instruments
from service.bill import Bill
from service.budgets.lease import NO_LEASE, Lease
from service.cache import CachedAnswer
from service.errors import LedgerUnavailable, ModelUnpriced, ServiceError
from service.exchange import ModelRequest
from service.ledger.entry import TOKEN_KINDS, Charge, Entry, Recorded
from service.money import dollars, picodollars
from service.targets import Target
from service.tokens import Usage

_NOTHING_USED = Usage(0, 0)
_STOPPED = "Usage cannot be recorded now, and this service answers nothing it cannot record."


class LedgerPort(Protocol):
    """Takes entries; see `service.ledger.ledger`."""

    @property
    def available(self) -> bool:
        """Whether Redis takes entries now."""
        ...

    def post(self, entry: Entry) -> asyncio.Future[Recorded]:
        """Enter it; the future tells what became of it and never holds an exception."""
        ...


class BudgetsPort(Protocol):
    """Reserves and gives back; see `service.budgets.budgets`."""

    async def reserve(
        self, request: ModelRequest, target: Target, *, replacing: Lease = NO_LEASE
    ) -> Lease:
        """Hold what the request may use at most. Raises `BudgetExceeded`, `BudgetsUnavailable`."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give back what was held."""
        ...

    def settled(self, lease: Lease) -> Lease:
        """Take note of where its budgets stand after it was entered in the ledger, and say so."""
        ...


class UnreservedPort(Protocol):
    """Knows the requests that hold nothing in Redis; see `service.unreserved`."""

    def add(self, request: Account) -> None:
        """It was let through."""
        ...

    def discard(self, request: Account) -> None:
        """It is over, or holds something now."""
        ...


class Reroute(Exception):  # noqa: N818 - a direction, not an error
    """A budget wants another model to answer."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.model = model


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator wants of requests that cannot be accounted for."""

    refuse_unpriced: bool = False
    stop_without_ledger: bool = False


class Accounts:
    """Opens an account for each request."""

    def __init__(
        self,
        *,
        ledger: LedgerPort,
        budgets: BudgetsPort,
        unreserved: UnreservedPort,
        priced: Callable[[Target, datetime], bool],
        now: Callable[[], datetime],
        instruments: Instruments,
        rules: Rules,
    ) -> None:
        self.ledger = ledger
        self.budgets = budgets
        self.unreserved = unreserved
        self.priced = priced
        self.instruments = instruments
        self.rules = rules
        self._now = now

    @property
    def stopped(self) -> str | None:
        """Why every request is refused now; None while they are not."""
        stopped = self.rules.stop_without_ledger and not self.ledger.available
        return _STOPPED if stopped else None

    def open(self, request: ModelRequest, first: Target) -> Account:
        """An account for a request whose first target is known. Raises `LedgerUnavailable`."""
        if (reason := self.stopped) is not None:
            raise LedgerUnavailable(f"{reason} Try again in a moment.", retry_after=2)
        return Account(self, request, first, self._now())


class Account:
    """What one request holds and came to."""

    def __init__(
        self, accounts: Accounts, request: ModelRequest, target: Target, asked_at: datetime
    ) -> None:
        self.asked_at = asked_at
        """The wall clock when it was asked; its price and its day are of this moment."""
        self.lease = NO_LEASE
        self.bill: Bill | None = None
        """What was used at targets whose answers nobody had."""
        self.request = request
        self.target = target
        """The one that was asked last."""
        self._accounts = accounts
        self._asked = False
        self._recorded: asyncio.Future[Recorded] | None = None

    @property
    def asked_ms(self) -> int:
        """`asked_at` in milliseconds since the epoch."""
        return int(self.asked_at.timestamp() * 1000)

    def upper_charges(self) -> tuple[Charge, ...]:
        """What it adds to budgets at the most."""
        return self.lease.upper_charges()

    async def admit(self, target: Target) -> None:
        """Reserve what this target may cost, in place of what a former one might have.

        Raises `Reroute` once where a budget wants another model, and what refuses the request.
        """
        accounts = self._accounts
        if accounts.rules.refuse_unpriced and not accounts.priced(target, self.asked_at):
            raise ModelUnpriced(
                f"The price of '{target.provider_model}' at '{target.name}' is not known, and this "
                "service refuses what it cannot price. The operator can state its price in the "
                "targets file or in GAUGEWAY_PRICES.",
                param="model",
            )
        held, self.lease = self.lease, NO_LEASE
        self.lease = await accounts.budgets.reserve(self.request, target, replacing=held)
        if self.lease.route is not None and held.route is None:
            raise Reroute(self.lease.route)
        self.target = target
        self._asked = True
        if self.lease.noted:
            accounts.unreserved.discard(self)
        else:
            accounts.unreserved.add(self)

    def owe(self, bill: Bill) -> None:
        """A target was asked that will bill it, though nobody had its answer."""
        self.bill = self.owed(bill)

    @contextmanager
    def billing_errors(self) -> Generator[None]:
        """An error that leaves here says what is owed all the same."""
        try:
            yield
        except ServiceError as error:
            error.bill = self.bill
            raise

    def owed(self, bill: Bill) -> Bill:
        """A bill with all that was owed before it."""
        return bill if self.bill is None else self.bill + bill

    async def settled(self) -> Lease:
        """Wait until the closed account is on record; the lease, with what is left by then."""
        if self._recorded is None:
            return self.lease
        recorded = await asyncio.shield(self._recorded)
        states = {state.key: state for state in recorded.charges}
        holds = tuple(
            replace(hold, spent=states[hold.key].spent, reserved=states[hold.key].reserved)
            if hold.key in states
            else hold
            for hold in self.lease.holds
        )
        self.lease = replace(self.lease, holds=holds)
        self.lease = self._accounts.budgets.settled(self.lease)
        return self.lease

    async def abort(self, outcome: str, error: str) -> None:
        """The request ended without an answer; nothing is entered if no target was asked."""
        if self._asked:
            self.close(outcome, bill=self.bill, error=error)
        else:
            held, self.lease = self.lease, NO_LEASE
            await self._accounts.budgets.release(held)

    def hit(self, cached: CachedAnswer) -> None:
        """The response cache answered: it cost nothing and saved what the answer had cost."""
        entry = replace(
            self._entry("completed", None),
            cache_hit=True,
            cost=0,
            saved_by_response_cache=cached.cost,
        )
        self._post(entry)

    def close(self, outcome: str, *, bill: Bill | None = None, error: str | None = None) -> None:
        """Enter what the request came to, the first time; `bill` None: nothing was used."""
        if self._recorded is not None:
            return
        entry = self._entry(outcome, error)
        if bill is not None:
            usage = bill.usage or _NOTHING_USED
            entry = replace(
                entry,
                estimated=bill.estimated,
                tokens=_counts(usage),
                characters=usage.characters,
                milliseconds=int(usage.seconds * 1000),
                cost=None if bill.cost is None else picodollars(bill.cost),
                saved_by_prompt_cache=picodollars(bill.saved),
            )
        used = bill is not None
        charges = self.lease.charges(
            cost=entry.cost, tokens=bill.tokens if bill else 0, requests=1 if used else 0
        )
        self._post(replace(entry, charges=charges))

    def _entry(self, outcome: str, error: str | None) -> Entry:
        request, target = self.request, self.target
        return Entry(
            id=request.id,
            asked_at=self.asked_ms,
            trace_id=request.trace_id,
            operation=request.operation,
            provider=target.provider_name,
            model=target.provider_model,
            target=target.name,
            app=request.app,
            user=request.user,
            component=request.component,
            outcome=outcome,
            error=error,
            stream=request.stream,
            latency_us=int((perf_counter() - request.started) * 1_000_000),
        )

    def _post(self, entry: Entry) -> None:
        self._accounts.unreserved.discard(self)
        self._recorded = self._accounts.ledger.post(entry)
        for by, amount in (
            ("response_cache", entry.saved_by_response_cache),
            ("prompt_cache", entry.saved_by_prompt_cache),
        ):
            if amount:
                self._accounts.instruments.saved.add(
                    float(dollars(amount)),
                    {
                        names.SAVED_BY: by,
                        names.PROVIDER_NAME: entry.provider,
                        names.REQUEST_MODEL: entry.model,
                        names.APP: entry.app,
                    },
                )


def cost_of(bill: Bill) -> int:
    """A bill's cost in picodollars, 0 where it is not known."""
    return picodollars(bill.cost or Decimal(0))


def _counts(usage: Usage) -> dict[str, int]:
    counts: dict[str, int] = {kind: getattr(usage, kind) for kind in TOKEN_KINDS}
    return {kind: count for kind, count in counts.items() if count}
