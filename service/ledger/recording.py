"""Turns a batch of entries into one call of `record.lua`, and its reply into their outcomes."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from service.ledger import counters
from service.ledger.calendar import PREFIX, Buckets, Calendar
from service.ledger.entry import ChargeState, Entry, Numbered, Recorded
from service.ledger.loss_recording import LossRecorder
from service.ledger.notable import Candidates
from service.ledger.scripts import ScriptQueue, load_script

logger = logging.getLogger(__name__)

BATCH_ENTRIES = 128
"""The most entries of one call: it blocks Redis for a few milliseconds at the longest."""
PACE_SECONDS = 10
"""The width of the slots that tell how many requests come in now."""
_PACE_KEPT_SECONDS = 600
_SEEN_MS = 10 * 60 * 1000
_MARK_SECONDS = 35 * 86_400
# A sum above it is added in parts: Redis takes no amount beyond 64 bits.
_LARGEST = 2**63 - 1


class Elsewhere(NamedTuple):
    """The writer's mark in Redis is another than expected; nothing was applied."""

    mark: int


class Repeated(NamedTuple):
    """Entries that had been applied before, by their ids; nothing of the batch was applied."""

    ids: frozenset[str]


class Applied(NamedTuple):
    """What became of each entry, by number."""

    outcomes: Mapping[int, Recorded]


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many values are kept apart in one bucket; what comes later is `_OTHER`."""

    values: int = 1_000
    """Of each dimension."""
    users: int = 10_000


class Recorder:
    """Applies batches. One for all writers of a process."""

    def __init__(
        self,
        scripts: ScriptQueue,
        calendar: Calendar,
        *,
        dedupe_seconds: int = 3_600,
        bounds: Bounds | None = None,
    ) -> None:
        self._scripts = scripts
        self._calendar = calendar
        self._dedupe_seconds = dedupe_seconds
        self._bounds = bounds or Bounds()
        self._script = load_script("service.ledger", "record")
        self._candidates = Candidates()
        self.losses = LossRecorder(scripts, calendar)
        """Where what is lost is told."""

    async def mark(self, writer: str, expected: int) -> int:
        """The number of the last entry of a writer that was applied; 0 before the first.

        Where it is as expected it is written anew: a Redis that can be read and takes no writes
        confirms nothing. Raises `StoreUnavailable`.
        """
        answer = await self.apply(writer, expected, expected, ())
        return answer.mark if isinstance(answer, Elsewhere) else expected

    async def apply(
        self, writer: str, after: int, last: int, batch: Sequence[Numbered]
    ) -> Applied | Elsewhere | Repeated:
        """Apply entries of different ids where the writer's mark is `after`; then it is `last`.

        All are applied or none. Raises `StoreUnavailable`: then nobody knows which.
        """
        entries = [numbered.entry for numbered in batch]
        notable, lists = self._candidates.choose(entries)
        order = {
            "after": str(after),
            "last": str(last),
            "mark_seconds": _MARK_SECONDS,
            "most_values": self._bounds.values,
            "most_users": self._bounds.users,
            "ids": self._ids(entries),
            "usage": self._usage(entries),
            "pace": _pace(entries),
            "charges": _charges(entries),
            "notable": notable,
        }
        reply = await self._scripts.call(
            self._script, [mark_key(writer)], [json.dumps(order, separators=(",", ":"))]
        )
        kind, *rest = reply.split()
        if kind == b"elsewhere":
            return Elsewhere(int(rest[0]))
        if kind == b"repeated":
            return Repeated(frozenset(identifier.decode() for identifier in rest))
        faults, bars = int(rest[0]), rest[len(rest) - len(lists) :]
        if faults:
            logger.error(
                "Redis refused %d updates of the usage ledger: keys under %s hold something else.",
                faults,
                PREFIX,
            )
        self._candidates.note(lists, bars)
        return Applied(_outcomes(batch, rest[1:]))

    def _ids(self, entries: Iterable[Entry]) -> list[list[Any]]:
        seen: dict[int, list[str]] = {}
        for entry in entries:
            seen.setdefault(entry.asked_at // _SEEN_MS, []).append(entry.id)
        return [[f"{PREFIX}seen:{slot}", self._dedupe_seconds, ids] for slot, ids in seen.items()]

    def _usage(self, entries: Iterable[Entry]) -> list[dict[str, Any]]:
        totals: dict[Buckets, _Totals] = {}
        for entry in entries:
            buckets = self._calendar.buckets(entry.asked_at)
            total = totals.get(buckets)
            if total is None:
                total = totals[buckets] = _Totals()
            total.add(entry)
        return [
            {
                "buckets": [[bucket.prefix, bucket.expires_at] for bucket in buckets],
                **total.document(),
            }
            for buckets, total in totals.items()
        ]


class _Totals:
    """Sums of entries of the same buckets."""

    __slots__ = ("_alike", "_users")

    def __init__(self) -> None:
        self._alike: dict[tuple[str | None, ...], dict[str, int]] = {}
        self._users: dict[str, dict[str, int]] = {}

    def add(self, entry: Entry) -> None:
        amounts = counters.counters_of(entry)
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
                amounts_of.append(_flat(amounts))
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


def mark_key(writer: str) -> str:
    """Where a writer's mark is."""
    return f"{PREFIX}writer:{writer}"


def pace_key(slot: int) -> str:
    """Where the requests that ended in a slot of `PACE_SECONDS` are counted."""
    return f"{PREFIX}pace:{slot}"


def _flat(amounts: Mapping[str, int]) -> list[str]:
    flat: list[str] = []
    for counter, amount in amounts.items():
        if amount > _LARGEST:
            parts, amount = divmod(amount, _LARGEST)  # noqa: PLW2901 - the rest of it
            flat += (counter, str(_LARGEST)) * parts
        flat += (counter, str(amount))
    return flat


def _pace(entries: Iterable[Entry]) -> list[list[Any]]:
    slots: dict[int, dict[str, int]] = {}
    for entry in entries:
        ended = entry.asked_at + entry.latency_us // 1000
        amounts = {"requests": 1} if entry.error is None else {"requests": 1, "errors": 1}
        counters.add(slots.setdefault(ended // (PACE_SECONDS * 1000), {}), amounts)
    return [
        [pace_key(slot), slot * PACE_SECONDS + _PACE_KEPT_SECONDS, _flat(amounts)]
        for slot, amounts in slots.items()
    ]


def _charges(entries: Iterable[Entry]) -> list[list[str | int]]:
    return [
        [
            charge.key,
            str(min(max(charge.amount, 0), _LARGEST)),
            charge.lease or "",
            str(charge.expires_at),
            charge.most_users,
        ]
        for entry in entries
        for charge in entry.charges
    ]


def _outcomes(batch: Iterable[Numbered], states: Sequence[bytes]) -> dict[int, Recorded]:
    outcomes: dict[int, Recorded] = {}
    position = 0
    for number, entry in batch:
        found: list[ChargeState] = []
        for charge in entry.charges:
            spent, reserved = states[position], states[position + 1]
            found.append(ChargeState(charge.key, int(spent), int(reserved)))
            position += 2
        outcomes[number] = Recorded("applied", tuple(found))
    return outcomes
