"""Budgets: what a request may use at most is reserved before the call, in one atomic step.

What it used in the end replaces the reservation through the ledger (`Lease.charges`), so that the
same entry settles both and neither a crash nor a race can count it twice. A reservation nobody
comes back for lapses some time after its request's deadline.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from secrets import token_hex
from typing import Any, Literal

from otel import attributes as names
from otel.instruments import Instruments
from service.background import BackgroundTask
from service.budgets.asking import (
    RELEASE,
    Note,
    Outcome,
    Scripts,
    held_keys,
)
from service.budgets.demand import Demand, Demands, PriceBound, milliseconds
from service.budgets.file import BudgetsFile
from service.budgets.gauges import Gauges
from service.budgets.lease import NO_LEASE, Lease
from service.budgets.reserving import Reserved, reserve_parts
from service.budgets.standing import Standing
from service.budgets.telling import refusal
from service.budgets.thresholds import Thresholds
from service.errors import BudgetsUnavailable
from service.exchange import ModelRequest
from service.file_watch import FileWatch
from service.ledger.documents import BudgetState
from service.ledger.open_requests import open_key
from service.redis_keys import DamageReport
from service.redis_store import StoreUnavailable
from service.targets import Target

logger = logging.getLogger(__name__)

GRACE_SECONDS = 30.0
"""How long after its request's deadline a reservation lapses."""
RELOAD_SECONDS = 1.0
TELL_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Asking:
    """When and as what a reservation is asked for; moments in milliseconds since the epoch."""

    lease: str
    moment: int
    asked_at: int


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
        writer: str,
        when_unavailable: Literal["open", "closed"] = "open",
        lease_ids: Callable[[], str] = lambda: token_hex(8),
    ) -> None:
        self._file = file
        self._scripts = scripts
        self._demands = Demands(lambda: file.declared, bound)
        self._open_key = open_key(writer)
        self._instruments = instruments
        self._now = now
        self._when_unavailable = when_unavailable
        self._lease_ids = lease_ids
        self._thresholds = Thresholds(scripts, self._moment)
        self._standing = Standing(scripts, self._moment)
        self._gauges = Gauges(instruments)
        self._damage = DamageReport()
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
        moment = milliseconds(now)
        demand = await self._demands.of(request, target, now, routed=replacing.route is not None)
        if not demand.parts:
            await self.release(replacing)
            return replace(NO_LEASE, route=replacing.route, routed_by=replacing.routed_by)
        lease = self._lease_ids()
        left = max(0.0, request.deadline - asyncio.get_running_loop().time()) + GRACE_SECONDS
        asked_at = replacing.asked_at or moment
        facts = await self._demands.facts(request, target, asked_at, demand)
        try:
            reserved = await reserve_parts(
                self._scripts,
                demand.parts,
                Note(self._open_key, request.id, facts),
                now=moment,
                lease=lease,
                expires=moment + int(left * 1000),
                replacing=replacing,
            )
        except StoreUnavailable:
            return self._unchecked(request, demand, replacing)
        except asyncio.CancelledError:
            # The call is on its way and cannot be taken back; calls reach Redis in order.
            possible = tuple(h for part in demand.parts for h in part.possible_holds(lease))
            self._in_background(self.release(Lease(possible, request=request.id)))
            self._in_background(self.release(replacing))
            raise
        return self._held(request, demand, reserved, Asking(lease, moment, asked_at), replacing)

    async def facts(self, request: ModelRequest, target: Target, asked_at: int) -> bytes:
        """What is to be noted of a request that no budget holds anything for.

        It was asked at a moment in milliseconds since the epoch.
        """
        return await self._demands.facts(request, target, asked_at)

    async def release(self, lease: Lease) -> None:
        """Give back what a lease holds; what is not given back for want of Redis lapses."""
        keys, held = held_keys(lease)
        if not keys:
            return
        try:
            await self._scripts.call(RELEASE, [self._open_key, *keys], [held, lease.request])
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

    def _count_denials(self, request: ModelRequest, found: Outcome) -> None:
        for one in found.answered:
            if one.full:
                labels = {names.BUDGET_NAME: one.part.budget.name, names.APP: request.app}
                self._instruments.budget_denials.add(1, labels)

    def _held(
        self,
        request: ModelRequest,
        demand: Demand,
        reserved: Reserved,
        asking: Asking,
        replacing: Lease,
    ) -> Lease:
        found = reserved.outcome
        for one in found.answered:
            self._thresholds.announce(one.part.budget, one.part.key, one.passed)
        if found.what == "refused":
            self._count_denials(request, found)
            raise refusal(found.answered, now=asking.moment)
        if found.what == "routed":
            return Lease(route=found.route, routed_by=found.routed_by, asked_at=asking.asked_at)
        held = Lease(
            tuple(one.part.hold(asking.lease, one.spent, one.reserved) for one in found.answered),
            demand.max_output_tokens,
            replacing.route,
            replacing.routed_by,
            request.id,
            asking.asked_at,
        )
        return self._without(request, reserved, held) if reserved.damaged else held

    def _without(self, request: ModelRequest, reserved: Reserved, held: Lease) -> Lease:
        """The lease of a request that some budgets could not be asked about."""
        for part, damaged in reserved.damaged:
            self._damage.tell(
                damaged, f"The budget '{part.budget.name}' is not asked, and others are."
            )
        try:
            self._go_on_unchecked(request)
        except BudgetsUnavailable:
            self._in_background(self.release(held))
            raise
        unknown = tuple(part.hold(None) for part, _ in reserved.damaged)
        return replace(held, holds=held.holds + unknown)

    def _go_on_unchecked(self, request: ModelRequest) -> None:
        if self._when_unavailable == "closed":
            raise BudgetsUnavailable(
                "Budgets cannot be asked now, and this service spends nothing that they do not "
                "allow. Try again in a moment.",
                retry_after=2,
            )
        self._instruments.budget_unchecked.add(1, {names.APP: request.app})

    def _unchecked(self, request: ModelRequest, demand: Demand, replacing: Lease) -> Lease:
        self._go_on_unchecked(request)
        holds = tuple(part.hold(None) for part in demand.parts)
        return Lease(holds, demand.max_output_tokens, replacing.route, replacing.routed_by)

    async def _tell(self) -> None:
        """Keep the metrics fresh, and note thresholds that were passed without a request."""
        try:
            found, damaged = await self._standing.read_those_that_can(self._file.declared)
            for key in damaged:
                self._damage.tell(key, "Where one of the budgets stands is not known.")
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
        return milliseconds(self._now())

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
