"""A ledger and budgets that remember what they were told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from service.budgets.lease import NO_LEASE, Hold, Lease
from service.exchange import ModelRequest
from service.ledger.entry import ChargeState, Entry, Recorded
from service.targets import Target

Decide = Callable[[ModelRequest, Target], Lease]


class RememberingLedger:
    """Takes every entry; `gate`, where set, holds back the news that it did."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.available = True
        self.states: tuple[ChargeState, ...] = ()
        self.gate: asyncio.Event | None = None
        self._waiting: set[asyncio.Task[None]] = set()

    def post(self, entry: Entry) -> asyncio.Future[Recorded]:
        self.entries.append(entry)
        future: asyncio.Future[Recorded] = asyncio.get_running_loop().create_future()
        if self.gate is None:
            future.set_result(Recorded("applied", self.states))
        else:
            task = asyncio.create_task(self._later(self.gate, future))
            self._waiting.add(task)
            task.add_done_callback(self._waiting.discard)
        return future

    async def _later(self, gate: asyncio.Event, future: asyncio.Future[Recorded]) -> None:
        await gate.wait()
        future.set_result(Recorded("applied", self.states))

    @property
    def only(self) -> Entry:
        (entry,) = self.entries
        return entry


class RememberingBudgets:
    """Gives the leases that `decide` makes; by default one with a single hold."""

    def __init__(self, decide: Decide | None = None) -> None:
        self._decide = decide or _one_hold
        self.reserved: list[tuple[str, Lease]] = []
        self.released: list[Lease] = []
        self.noted: list[Lease] = []

    async def reserve(
        self, request: ModelRequest, target: Target, *, replacing: Lease = NO_LEASE
    ) -> Lease:
        if replacing.holds:
            self.released.append(replacing)
        lease = self._decide(request, target)
        self.reserved.append((target.name, lease))
        return lease

    def settled(self, lease: Lease) -> Lease:
        self.noted.append(lease)
        return lease

    async def release(self, lease: Lease) -> None:
        if lease.holds:
            self.released.append(lease)


def a_hold(lease: str, *, budget: str = "everything") -> Hold:
    return Hold(budget, f"key:{budget}", "usd", 1_000_000_000, 10**13, lease=lease)


def _one_hold(request: ModelRequest, target: Target) -> Lease:
    return Lease((a_hold(target.name),))
