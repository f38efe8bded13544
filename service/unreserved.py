"""Notes in Redis which requests are under way that no budget holds anything for.

Reserving notes a request for free. One that no budget concerns, or that began while Redis was away,
is noted with others by one call a second or so, if it lasts that long: a call for each would cost
every request more than its worker's rare death is worth.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Any, Protocol

from service.exchange import ModelRequest
from service.ledger.entry import Charge
from service.ledger.open_requests import NOTE, note_of, open_key
from service.ledger.recording import seen_key
from service.ledger.scripts import ScriptQueue
from service.targets import Target

MOST_NOTED = 500
"""By one call, which holds up Redis for a moment; the rest follows with the next."""


class Unreserved(Protocol):
    """A request that was let through and holds nothing in Redis."""

    @property
    def asked_ms(self) -> int:
        """When it was asked, in milliseconds since the epoch."""
        ...

    @property
    def request(self) -> ModelRequest:
        """What is asked."""
        ...

    @property
    def target(self) -> Target:
        """Whom it is asked."""
        ...

    def upper_charges(self) -> tuple[Charge, ...]:
        """What it adds to budgets at the most."""
        ...


Facts = Callable[[ModelRequest, Target, int], Awaitable[bytes]]


class UnreservedNotes:
    """Those of one worker."""

    def __init__(self, scripts: ScriptQueue, *, writer: str, facts: Facts) -> None:
        self._scripts = scripts
        self._key = open_key(writer)
        self._facts = facts
        self._waiting: set[Unreserved] = set()

    def add(self, request: Unreserved) -> None:
        """It was let through."""
        self._waiting.add(request)

    def discard(self, request: Unreserved) -> None:
        """It is over, or holds something now."""
        self._waiting.discard(request)

    async def write(self) -> None:
        """Note those that are not noted yet. Raises `StoreUnavailable`."""
        described: dict[Unreserved, bytes] = {}
        for one in list(islice(self._waiting, MOST_NOTED)):
            facts = await self._facts(one.request, one.target, one.asked_ms)
            described[one] = note_of(facts, one.upper_charges())
            # There may be hundreds: requests go on between two of them.
            await asyncio.sleep(0)
        args: list[Any] = []
        for one, note in described.items():
            if one in self._waiting:
                args += (seen_key(one.asked_ms), one.request.id, note)
        if args:
            await self._scripts.call(NOTE, [self._key], args)
            self._waiting.difference_update(described)
