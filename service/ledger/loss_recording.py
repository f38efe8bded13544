"""Tells Redis what was lost: `losses.lua` counts it in its hours, days and months."""

from __future__ import annotations

import json

from service.ledger.calendar import PREFIX, Calendar
from service.ledger.counters import LOST, SEPARATOR
from service.ledger.loss_file import Lost
from service.ledger.scripts import ScriptQueue, load_script

_MARK_SECONDS = 35 * 86_400
_LARGEST = 2**63 - 1


class LossRecorder:
    """Adds losses to their periods, each once. One for all writers of a process."""

    def __init__(self, scripts: ScriptQueue, calendar: Calendar) -> None:
        self._scripts = scripts
        self._calendar = calendar
        self._script = load_script("service.ledger", "losses", after=("faults",))

    async def tell(self, writer: str, after: int, lost: Lost) -> int:
        """Add a loss where a writer's mark is `after`; its mark then. Raises `StoreUnavailable`.

        Where the mark was another one nothing was added.
        """
        hour, day, month, _ = self._calendar.buckets(lost.asked_at)
        buckets = [[f"{one.prefix}{LOST}", one.expires_at] for one in (hour, day, month)]
        amounts = [
            [f"{lost.reason}{SEPARATOR}{counter}", str(min(amount, _LARGEST))]
            for counter, amount in lost.amounts.items()
        ]
        return await self._call(writer, after, lost.number, buckets, amounts)

    async def mark(self, writer: str, expected: int) -> int:
        """The number of the last loss that Redis knows of. Raises `StoreUnavailable`."""
        return await self._call(writer, expected, expected, [], [])

    async def _call(
        self,
        writer: str,
        after: int,
        last: int,
        buckets: list[list[str | int]],
        amounts: list[list[str]],
    ) -> int:
        order = {
            "after": str(after),
            "last": str(last),
            "mark_seconds": _MARK_SECONDS,
            "buckets": buckets,
            "amounts": amounts,
        }
        key = f"{PREFIX}losses:{writer}"
        reply = await self._scripts.call(
            self._script, [key], [json.dumps(order, separators=(",", ":"))]
        )
        return int(reply)
