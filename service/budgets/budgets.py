"""Budgets: what a request may use at most is reserved before the call, in one atomic step.

What it used in the end replaces the reservation through the ledger (`Lease.charges`), so that the
same entry settles both and neither a crash nor a race can count it twice. A reservation nobody
comes back for lapses some time after its request's deadline.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from secrets import token_hex
from typing import Any, Literal, Protocol

from otel import attributes as names
from otel.instruments import Instruments
from service.background import BackgroundTask
from service.budgets.asking import (
    RELEASE,
    RESERVE,
    Outcome,
    Part,
    Scripts,
    held_keys,
    outcome,
    reservation,
    value_of,
)
from service.budgets.bound import Bound, bound_of
from service.budgets.declared import Budget
from service.budgets.file import BudgetsFile
from service.budgets.gauges import Gauges
from service.budgets.lease import NO_LEASE, Lease
from service.budgets.standing import Standing
from service.budgets.telling import refusal
from service.budgets.thresholds import Thresholds
from service.errors import BudgetsUnavailable
from service.exchange import ModelRequest
from service.file_watch import FileWatch
from service.ledger.documents import BudgetState
from service.money import picodollars
from service.redis_store import StoreUnavailable
from service.targets import Target

logger = logging.getLogger(__name__)

GRACE_SECONDS = 30.0
"""How long after its request's deadline a reservation lapses."""
LARGEST_AMOUNT = 10**16
"""Of one reservation at a budget that refuses nothing, so that sums stay within 64 bits."""
RELOAD_SECONDS = 1.0
TELL_SECONDS = 5.0


class PriceBound(Protocol):
    """The most in USD that so much can cost at a target, None where no price is known."""

    def __call__(
        self, target: Target, *, input_tokens: int, output_tokens: int, at: datetime
    ) -> Decimal | None:
        """The amount, `at` a moment that is aware of its zone."""
        ...


@dataclass(frozen=True, slots=True)
class _Asked:
    """One request as budgets see it."""

    parts: tuple[Part, ...]
    max_output_tokens: int | None = None


class Budgets:
    """Reserves what requests may use, of all budgets that concern them or of none."""

    def __init__(
        self,
        *,
        file: BudgetsFile,
        scripts: Scripts,
        bound: PriceBound,
        instruments: Instruments,
        now: Callable[[], datetime],
        when_unavailable: Literal["open", "closed"] = "open",
        lease_ids: Callable[[], str] = lambda: token_hex(8),
    ) -> None:
        self._file = file
        self._scripts = scripts
        self._bound = bound
        self._instruments = instruments
        self._now = now
        self._when_unavailable = when_unavailable
        self._lease_ids = lease_ids
        self._thresholds = Thresholds(scripts, self._moment)
        self._standing = Standing(scripts, self._moment)
        self._gauges = Gauges(instruments)
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch = FileWatch(file, instruments=instruments, interval=RELOAD_SECONDS)
        self._telling = BackgroundTask(
            "figures of budgets",
            self._tell,
            every=TELL_SECONDS,
            instruments=instruments,
            meanwhile="Where the budgets stand is not told.",
            at_once=True,
        )
        self.background = (self._watch.task, self._telling)

    async def start(self) -> None:
        """Read the file, then watch it and tell of the budgets. Raises `BudgetsError`."""
        await self._watch.start()
        self._gauges.register()
        self._telling.start()

    async def close(self) -> None:
        """Stop watching, and finish what was begun."""
        await self._watch.close()
        await self._telling.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def reserve(
        self, request: ModelRequest, target: Target, *, replacing: Lease = NO_LEASE
    ) -> Lease:
        """Hold what the request may use at a target, in place of what it held before.

        A lease with a `route` it did not have before holds nothing: the request is to be reserved
        again for that model, replacing this lease, and is not routed a second time. Raises
        `BudgetExceeded`, and `BudgetsUnavailable` where Redis is away and must not be.
        """
        now = self._now()
        moment = _milliseconds(now)
        asked = self._asked(request, target, now, moment, routed=replacing.route is not None)
        if not asked.parts:
            await self.release(replacing)
            return replace(NO_LEASE, route=replacing.route, routed_by=replacing.routed_by)
        lease = self._lease_ids()
        left = max(0.0, request.deadline - asyncio.get_running_loop().time()) + GRACE_SECONDS
        expires = moment + int(left * 1000)
        keys, args = reservation(
            asked.parts, now=moment, lease=lease, expires=expires, replacing=replacing
        )
        try:
            reply = await self._scripts.call(RESERVE, keys, args)
        except StoreUnavailable:
            return self._unchecked(request, asked, replacing)
        except asyncio.CancelledError:
            # The call is on its way and cannot be taken back; calls reach Redis in order.
            self._in_background(
                self.release(
                    Lease(tuple(h for part in asked.parts for h in part.possible_holds(lease)))
                )
            )
            self._in_background(self.release(replacing))
            raise
        return self._held(request, asked, outcome(asked.parts, reply), lease, moment, replacing)

    async def release(self, lease: Lease) -> None:
        """Give back what a lease holds; what is not given back for want of Redis lapses."""
        keys, held = held_keys(lease)
        if not keys:
            return
        try:
            await self._scripts.call(RELEASE, keys, [held])
        except StoreUnavailable as error:
            logger.debug("A reservation is left to lapse: %s", error)

    def settled(self, lease: Lease) -> Lease:
        """Take note of where the windows of a lease stand after it was settled. Never raises.

        The lease comes back with the warnings that are due by now.
        """
        by_name = self._file.declared.by_name
        holds = list(lease.holds)
        for place, hold in enumerate(holds):
            budget = by_name.get(hold.budget)
            # Edited to another unit, its thresholds say nothing of this window.
            if budget is None or budget.unit != hold.unit:
                continue
            holds[place] = replace(hold, warning=budget.passed(hold.spent))
            if self._thresholds.has_news(budget, hold.key, hold.spent):
                self._in_background(
                    self._thresholds.note(budget, hold.key, hold.spent, hold.resets_at)
                )
        return replace(lease, holds=tuple(holds))

    async def states(self) -> tuple[BudgetState, ...]:
        """Where each budget stands now, one for each value in use. Raises `StoreUnavailable`."""
        return tuple(one.document() for one in await self._standing.read(self._file.declared))

    def _asked(
        self, request: ModelRequest, target: Target, now: datetime, moment: int, *, routed: bool
    ) -> _Asked:
        declared = self._file.declared
        concerned = [
            (budget, value)
            for budget in declared.budgets
            if (value := value_of(budget, request, target)) is not None
        ]
        if not concerned:
            return _Asked(())
        bound = bound_of(
            request.operation,
            request.body,
            setting=target.max_output_tokens,
            allowances=declared.allowances,
        )
        cost = self._cost(target, bound, now) if _in_dollars(concerned) else 0
        amounts = {"usd": cost, "tokens": bound.tokens, "requests": 1}
        parts = tuple(
            Part(
                budget,
                budget.windows.at(moment),
                value,
                min(amounts[budget.unit], _most(budget)),
                () if routed else budget.routes_for(request.operation, target.model),
            )
            for budget, value in concerned
        )
        capped = not bound.states_output and any(budget.caps_output for budget, _ in concerned)
        return _Asked(parts, bound.answer_tokens if capped else None)

    def _cost(self, target: Target, bound: Bound, now: datetime) -> int:
        """In picodollars; 0 where no price is known: then it cannot be bounded, only refused."""
        cost = self._bound(
            target, input_tokens=bound.input_tokens, output_tokens=bound.output_tokens, at=now
        )
        return 0 if cost is None else picodollars(cost)

    def _held(
        self,
        request: ModelRequest,
        asked: _Asked,
        found: Outcome,
        lease: str,
        moment: int,
        replacing: Lease,
    ) -> Lease:
        for one in found.answered:
            self._thresholds.announce(one.part.budget, one.part.key, one.passed)
        if found.what == "refused":
            for one in found.answered:
                if one.full:
                    labels = {names.BUDGET_NAME: one.part.budget.name, names.APP: request.app}
                    self._instruments.budget_denials.add(1, labels)
            raise refusal(found.answered, now=moment)
        if found.what == "routed":
            return Lease(route=found.route, routed_by=found.routed_by)
        holds = tuple(one.part.hold(lease, one.spent, one.reserved) for one in found.answered)
        return Lease(holds, asked.max_output_tokens, replacing.route, replacing.routed_by)

    def _unchecked(self, request: ModelRequest, asked: _Asked, replacing: Lease) -> Lease:
        if self._when_unavailable == "closed":
            raise BudgetsUnavailable(
                "Budgets cannot be asked now, and this service spends nothing that they do not "
                "allow. Try again in a moment.",
                retry_after=2,
            )
        self._instruments.budget_unchecked.add(1, {names.APP: request.app})
        holds = tuple(part.hold(None) for part in asked.parts)
        return Lease(holds, asked.max_output_tokens, replacing.route, replacing.routed_by)

    async def _tell(self) -> None:
        """Keep the metrics fresh, and note thresholds that were passed without a request."""
        try:
            found = await self._standing.read(self._file.declared)
            self._gauges.show(found)
            for one in found:
                if one.news:
                    await self._thresholds.note(one.budget, one.key, one.spent, one.window.end)
        except StoreUnavailable:
            # Redis is told of as what the service depends on.
            self._gauges.forget()
        except Exception:
            # What was read last is no longer known to be so.
            self._gauges.forget()
            raise

    def _moment(self) -> int:
        return _milliseconds(self._now())

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _most(budget: Budget) -> int:
    """What is worth reserving: of a limit that refuses, anything above it is above it."""
    return budget.limit + 1 if budget.refuses else LARGEST_AMOUNT


def _in_dollars(concerned: Sequence[tuple[Budget, str]]) -> bool:
    return any(budget.unit == "usd" for budget, _ in concerned)
