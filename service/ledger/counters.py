"""What one entry adds to the ledger: its counters, and the values it is counted under."""

from __future__ import annotations

from collections.abc import Mapping

from service.ledger.entry import TOKEN_KINDS, Entry
from service.ledger.latency import bucket_counter

SEPARATOR = "\x1f"
"""Between value and counter in the name of a field."""
OTHER = "_OTHER"
"""Stands for the values beyond the number that is kept apart."""
DIMENSIONS = ("operation", "provider", "model", "app", "component")
"""What usage is counted by. The whole and the kinds of service are sums over operations."""
LOST = "lost"
"""A dimension of its own, whose values are reasons: it counts what is missing from all others."""
_LONGEST_VALUE = 200


def counters_of(entry: Entry) -> dict[str, int]:
    """What an entry adds, without what is 0."""
    amounts = {
        "requests": 1,
        "errors": int(entry.error is not None),
        "cache_hits": int(entry.cache_hit),
        "unpriced": int(entry.cost is None),
        "estimated": int(entry.estimated),
        "characters": entry.characters,
        "milliseconds": entry.milliseconds,
        "cost": entry.cost or 0,
        "saved_response": entry.saved_by_response_cache,
        "saved_prompt": entry.saved_by_prompt_cache,
        "latency_us": entry.latency_us,
        bucket_counter(entry.latency_us): 1,
    }
    tokens = entry.tokens
    if tokens:
        amounts.update((kind, tokens[kind]) for kind in TOKEN_KINDS if kind in tokens)
    return {counter: amount for counter, amount in amounts.items() if amount > 0}


def values_of(entry: Entry) -> tuple[str | None, ...]:
    """An entry's value for each of `DIMENSIONS`; None: it is not counted by that one."""
    component = entry.component
    return (
        plain(entry.operation),
        plain(entry.provider),
        plain(entry.model),
        plain(entry.app),
        None if component is None else plain(component),
    )


def plain(value: str) -> str:
    """A value as Redis can keep it: bounded, and valid UTF-8 whatever a caller sent."""
    value = value[:_LONGEST_VALUE]
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def add(total: dict[str, int], amounts: Mapping[str, int]) -> None:
    """Add amounts to a total."""
    for counter, amount in amounts.items():
        total[counter] = total.get(counter, 0) + amount
