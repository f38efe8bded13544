"""Requests worth looking at: the dearest, the slowest and those that failed, by ten minutes."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from service.ledger.calendar import PREFIX
from service.ledger.documents import RequestSummary
from service.ledger.entry import Entry
from service.money import amount_text, dollars
from service.redis_keys import DamagedKey

KINDS = ("dearest", "slowest", "failed")
MOST = 50
"""How many of each kind are kept of ten minutes."""
SLOT_MS = 10 * 60 * 1000
_KEPT_SECONDS = 2 * 3600
_VERSION = 1
_REMEMBERED = 100


def notable_key(kind: str, slot: int) -> str:
    """Where the requests of a kind are that were asked in a slot of `SLOT_MS`."""
    return f"{PREFIX}notable:{kind}:{slot}"


class Candidates:
    """Chooses what may be among the most notable, by what Redis said of its lists before."""

    def __init__(self) -> None:
        self._bars: dict[str, float] = {}

    def choose(self, entries: Sequence[Entry]) -> tuple[list[list[Any]], list[str]]:
        """The lists that entries may belong on, for `record.lua`, and the keys of these."""
        scores: dict[tuple[str, int], list[tuple[int, int]]] = {}
        for position, entry in enumerate(entries):
            slot = entry.asked_at // SLOT_MS
            for kind, score in _scores(entry):
                if score > self._bars.get(notable_key(kind, slot), -math.inf):
                    scores.setdefault((kind, slot), []).append((score, position))
        chosen: list[list[Any]] = []
        keys: list[str] = []
        for (kind, slot), found in scores.items():
            found.sort(reverse=True)
            members: list[str] = []
            for score, position in found[:MOST]:
                members += (str(score), _summary(entries[position]))
            expires = (slot + 1) * SLOT_MS // 1000 + _KEPT_SECONDS
            keys.append(notable_key(kind, slot))
            chosen.append([keys[-1], expires, MOST, members])
        return chosen, keys

    def note(self, keys: Sequence[str], bars: Sequence[bytes]) -> None:
        """Remember the lowest scores of lists that are full; of others it is `-`."""
        for key, bar in zip(keys, bars, strict=True):
            if bar != b"-":
                self._bars[key] = float(bar)
        while len(self._bars) > _REMEMBERED:
            self._bars.pop(next(iter(self._bars)))


def summaries(entry: Entry) -> list[tuple[str, str]]:
    """The lists that an entry may be on, and what it is there."""
    slot, summary = entry.asked_at // SLOT_MS, _summary(entry)
    return [(notable_key(kind, slot), summary) for kind, _ in _scores(entry)]


def _scores(entry: Entry) -> list[tuple[str, int]]:
    scores = [("slowest", entry.latency_us)]
    if entry.cost:
        scores.append(("dearest", entry.cost))
    if entry.error is not None:
        scores.append(("failed", entry.asked_at))
    return scores


def _summary(entry: Entry) -> str:
    facts: list[Any] = [
        _VERSION,
        entry.asked_at,
        entry.trace_id,
        entry.app,
        entry.operation,
        entry.provider,
        entry.model,
        entry.component,
        entry.outcome,
        entry.error,
        entry.stream,
        entry.estimated,
        entry.latency_us,
        entry.tokens.get("input_tokens", 0),
        entry.tokens.get("output_tokens", 0),
        None if entry.cost is None else str(entry.cost),
    ]
    return json.dumps(facts, separators=(",", ":"))


def read_summary(key: str, member: bytes, zone: tzinfo) -> tuple[int, RequestSummary] | None:
    """When a request was asked (ms) and its summary; None where another version wrote it.

    Raises `DamagedKey` where it is no summary.
    """
    try:
        facts = json.loads(member)
        return _summary_of(facts, zone) if facts[0] == _VERSION else None
    except (ValueError, TypeError, LookupError, OverflowError, OSError):
        raise DamagedKey(key, "it holds what is no summary of a request") from None


def _summary_of(facts: list[Any], zone: tzinfo) -> tuple[int, RequestSummary]:
    _, asked_at, trace, app, operation, provider, model, component, outcome, error, *rest = facts
    stream, estimated, latency_us, input_tokens, output_tokens, cost = rest
    return asked_at, RequestSummary(
        trace_id=trace,
        asked_at=datetime.fromtimestamp(asked_at / 1000, zone).isoformat(timespec="milliseconds"),
        app=app,
        operation=operation,
        provider=provider,
        model=model,
        component=component,
        outcome=outcome,
        error=error,
        stream=stream,
        estimated=estimated,
        latency_ms=latency_us / 1000,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost_usd=None if cost is None else amount_text(dollars(int(cost))),
    )
