"""What a batch of entries adds to counters and budgets, and takes back from them, as text.

Redis takes no amount beyond 64 bits: a sum that is larger is added in parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from service.ledger import counters
from service.ledger.calendar import Buckets, Calendar
from service.ledger.entry import Charge, Entry

LARGEST = 2**63 - 1


def usage(
    calendar: Calendar, entries: Iterable[Entry], less: Iterable[Entry]
) -> list[dict[str, Any]]:
    """What entries add to the counters, less what others had added, by where it is counted."""
    totals: dict[Buckets, _Totals] = {}

    def add(entry: Entry, amounts: dict[str, int]) -> None:
        buckets = calendar.buckets(entry.asked_at)
        total = totals.get(buckets)
        if total is None:
            total = totals[buckets] = _Totals()
        total.add(entry, amounts)

    for entry in entries:
        add(entry, counters.counters_of(entry))
    for entry in less:
        add(entry, {name: -amount for name, amount in counters.counters_of(entry).items()})
    return [
        {
            "buckets": [[bucket.prefix, bucket.expires_at] for bucket in buckets],
            **total.document(),
        }
        for buckets, total in totals.items()
    ]


def flat(amounts: Mapping[str, int]) -> list[str]:
    """Counters and amounts in turns, as text, none of which is beyond 64 bits."""
    found: list[str] = []
    for counter, amount in amounts.items():
        largest = LARGEST if amount > 0 else -LARGEST
        parts, rest = divmod(amount, largest)
        found += (counter, str(largest)) * parts
        found += (counter, str(rest))
    return found


def charges(entries: Iterable[Entry], less: Iterable[Entry]) -> list[list[str | int]]:
    """What is added to windows, in the order of the entries; then what is taken back from them."""
    added = [_charge(charge, _within(charge.amount)) for e in entries for charge in e.charges]
    return added + [_charge(charge, -_within(charge.amount)) for e in less for charge in e.charges]


def _charge(charge: Charge, amount: int) -> list[str | int]:
    expires = str(charge.expires_at)
    return [charge.key, str(amount), charge.lease or "", expires, charge.most_users]


def _within(amount: int) -> int:
    return min(max(amount, 0), LARGEST)


class _Totals:
    """Sums of entries of the same buckets."""

    __slots__ = ("_alike", "_users")

    def __init__(self) -> None:
        self._alike: dict[tuple[str | None, ...], dict[str, int]] = {}
        self._users: dict[str, dict[str, int]] = {}

    def add(self, entry: Entry, amounts: dict[str, int]) -> None:
        _add(self._alike, counters.values_of(entry), amounts)
        if entry.user is not None:
            _add(self._users, counters.plain(entry.user), amounts)

    def document(self) -> dict[str, Any]:
        """Rows of values and of users, each with the place of its amounts among `sums`."""
        rows: dict[tuple[str, str], dict[str, int]] = {}
        for values, amounts in self._alike.items():
            for dimension, value in zip(counters.DIMENSIONS, values, strict=True):
                if value is not None:
                    _add(rows, (dimension, value), amounts)
        # What one entry adds is the same in many rows; it is sent once.
        places: dict[int, int] = {}
        amounts_of: list[list[str]] = []

        def place(amounts: dict[str, int]) -> int:
            found = places.get(id(amounts))
            if found is None:
                amounts_of.append(flat(amounts))
                found = places[id(amounts)] = len(amounts_of)
            return found

        return {
            "values": [[*row, place(amounts)] for row, amounts in rows.items()],
            "users": [[user, place(amounts)] for user, amounts in self._users.items()],
            "sums": amounts_of,
        }


def _add(totals: dict[Any, dict[str, int]], key: Any, amounts: dict[str, int]) -> None:
    """Add to a total; a total of one alone is the same object, and is never changed."""
    total = totals.get(key)
    if total is None:
        totals[key] = amounts
    else:
        totals[key] = total = dict(total)
        counters.add(total, amounts)
