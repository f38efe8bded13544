"""Reserves a request's parts by `reserve.lua`: those of budgets whose keys can be used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.budgets.asking import RESERVE, Note, Outcome, Part, Scripts, outcome, reservation
from service.budgets.lease import Lease
from service.redis_keys import NO_NUMBER_OR_TYPE, DamagedKey


@dataclass(frozen=True, slots=True)
class Reserved:
    """What became of a request, and the budgets that could not be asked with their keys."""

    outcome: Outcome
    damaged: tuple[tuple[Part, DamagedKey], ...] = ()


async def reserve_parts(
    scripts: Scripts,
    parts: Sequence[Part],
    note: Note,
    *,
    now: int,
    lease: str,
    expires: int,
    replacing: Lease,
) -> Reserved:
    """Reserve all parts in place of an earlier lease, or none, beside those that are damaged.

    A key that holds something else makes one budget unknown, and no other. Raises
    `StoreUnavailable`.
    """
    damaged: list[tuple[Part, DamagedKey]] = []
    while True:
        keys, args = reservation(
            parts, note, now=now, lease=lease, expires=expires, replacing=replacing
        )
        reply = await scripts.call(RESERVE, keys, args)
        if reply[0] != b"damaged":
            return Reserved(outcome(parts, reply), tuple(damaged))
        # Each time there are fewer.
        places = [int(place) - 1 for place in reply[1::2]]
        damaged += (
            (parts[place], DamagedKey(key.decode(errors="replace"), NO_NUMBER_OR_TYPE))
            for place, key in zip(places, reply[2::2], strict=True)
        )
        parts = [part for place, part in enumerate(parts) if place not in places]
