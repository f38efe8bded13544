"""Turns a batch of entries into one call of `record.lua`, and its reply into their outcomes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from service.ledger import counters
from service.ledger.amounts import charges, flat, usage
from service.ledger.calendar import PREFIX, Calendar
from service.ledger.damage import Damage
from service.ledger.entry import ChargeState, Entry, Numbered, Recorded
from service.ledger.lines import read_line, write_line
from service.ledger.loss_recording import LossRecorder
from service.ledger.notable import Candidates, summaries
from service.ledger.open_requests import estimated_key, open_key
from service.ledger.scripts import ScriptQueue, load_script

BATCH_ENTRIES = 128
"""The most entries of one call: it blocks Redis for a few milliseconds at the longest."""
PACE_SECONDS = 10
"""The width of the slots that tell how many requests come in now."""
_PACE_KEPT_SECONDS = 600
_SEEN_MS = 10 * 60 * 1000
_MARK_SECONDS = 35 * 86_400
_TRIED_ON = f"{PREFIX}health:hash"


class Elsewhere(NamedTuple):
    """The writer's mark in Redis is another than expected; nothing was applied."""

    mark: int


class Repeated(NamedTuple):
    """Entries that had been applied before, by their ids; nothing of the batch was applied."""

    ids: frozenset[str]


class Applied(NamedTuple):
    """What became of each entry, by number."""

    outcomes: Mapping[int, Recorded]


class _Estimated(NamedTuple):
    """Entries that were estimated, and the estimates that can be read."""

    ids: tuple[str, ...] = ()
    estimates: tuple[Entry, ...] = ()


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
        damage: Damage | None = None,
    ) -> None:
        self._scripts = scripts
        self._damage = damage or Damage()
        self._calendar = calendar
        self._dedupe_seconds = dedupe_seconds
        self._bounds = bounds or Bounds()
        self._script = load_script("service.ledger", "record", after=("faults",))
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

        All are applied or none; those that were estimated meanwhile take the estimates' place.
        Raises `StoreUnavailable`: then nobody knows which.
        """
        order = {"after": str(after), "last": str(last)}
        estimated = _Estimated()
        while True:
            answer = await self._apply(writer, order, batch, estimated)
            if not isinstance(answer, _Estimated):
                return answer
            estimated = _Estimated(
                estimated.ids + answer.ids, estimated.estimates + answer.estimates
            )

    async def estimate(self, owner: str, entries: Sequence[Entry]) -> frozenset[str]:
        """Apply estimates of what requests used whose writer, the owner, is gone; their ids.

        Each is applied only where its request is still noted as open. Raises `StoreUnavailable`.
        """
        batch = [Numbered(0, entry) for entry in entries]
        while batch:
            lines = {one.entry.id: write_line(one).decode() for one in batch}
            order = {"lines": [part for pair in lines.items() for part in pair]}
            answer = await self._apply(owner, order, batch, _Estimated())
            if not isinstance(answer, Repeated):
                break
            batch = [one for one in batch if one.entry.id not in answer.ids]
        return frozenset(one.entry.id for one in batch)

    async def _apply(
        self,
        writer: str,
        order: Mapping[str, Any],
        batch: Sequence[Numbered],
        estimated: _Estimated,
    ) -> Applied | Elsewhere | Repeated | _Estimated:
        """Send a batch that takes estimates back; what became of it, or all that it must take."""
        ids, estimates = estimated
        entries = [numbered.entry for numbered in batch]
        notable, lists = self._candidates.choose(entries)
        whole = {
            **order,
            "mark_seconds": _MARK_SECONDS,
            "most_values": self._bounds.values,
            "most_users": self._bounds.users,
            "open": open_key(writer),
            "estimated": estimated_key(writer),
            "instead": ids,
            "ids": self._ids(entries),
            "usage": usage(self._calendar, entries, estimates),
            # What was estimated has not ended when it is told: it is no part of the pace.
            "pace": _pace(entries) if "after" in order else [],
            "charges": charges(entries, estimates),
            "notable": notable,
            "unnotable": [list(pair) for entry in estimates for pair in summaries(entry)],
        }
        reply = await self._scripts.call(
            self._script,
            [mark_key(writer), _TRIED_ON],
            [json.dumps(whole, separators=(",", ":"))],
        )
        if isinstance(reply, list):
            return _estimated(cast("list[bytes]", reply)[1:])
        said, _, damaged = reply.partition(b"\n")
        kind, *rest = said.split()
        if kind == b"elsewhere":
            return Elsewhere(int(rest[0]))
        if kind == b"repeated":
            return Repeated(frozenset(identifier.decode() for identifier in rest))
        bars = rest[len(rest) - len(lists) :]
        if damaged:
            self._damage.note(json.loads(damaged.decode(errors="replace")), len(batch))
        self._candidates.note(lists, bars)
        return Applied(_outcomes(batch, rest[1:]))

    def _ids(self, entries: Iterable[Entry]) -> list[list[Any]]:
        seen: dict[int, list[str]] = {}
        for entry in entries:
            seen.setdefault(entry.asked_at // _SEEN_MS, []).append(entry.id)
        return [[_seen(slot), self._dedupe_seconds, ids] for slot, ids in seen.items()]


def seen_key(asked_at: int) -> str:
    """Where the ids are of entries that were asked about a moment (ms since the epoch)."""
    return _seen(asked_at // _SEEN_MS)


def _seen(slot: int) -> str:
    return f"{PREFIX}seen:{slot}"


def mark_key(writer: str) -> str:
    """Where a writer's mark is."""
    return f"{PREFIX}writer:{writer}"


def pace_key(slot: int) -> str:
    """Where the requests that ended in a slot of `PACE_SECONDS` are counted."""
    return f"{PREFIX}pace:{slot}"


def _pace(entries: Iterable[Entry]) -> list[list[Any]]:
    slots: dict[int, dict[str, int]] = {}
    for entry in entries:
        ended = entry.asked_at + entry.latency_us // 1000
        amounts = {"requests": 1} if entry.error is None else {"requests": 1, "errors": 1}
        counters.add(slots.setdefault(ended // (PACE_SECONDS * 1000), {}), amounts)
    return [
        [pace_key(slot), slot * PACE_SECONDS + _PACE_KEPT_SECONDS, flat(amounts)]
        for slot, amounts in slots.items()
    ]


def _estimated(pairs: Sequence[bytes]) -> _Estimated:
    """Ids and lines; a line that is damaged leaves nothing that could be taken back."""
    found = (read_line(line) for line in pairs[1::2])
    ids = tuple(identifier.decode() for identifier in pairs[::2])
    return _Estimated(ids, tuple(numbered.entry for numbered in found if numbered is not None))


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
