"""Makes documents of counters as Redis holds them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from service.ledger import documents
from service.ledger.counters import SEPARATOR, add
from service.ledger.entry import SERVICES, TOKEN_KINDS
from service.ledger.hashes import Fields
from service.ledger.latency import bucket_counts, percentiles
from service.money import amount_text, dollars
from service.redis_keys import NO_NUMBER, DamagedKey

Counters = dict[str, int]
_FULL = "+"
_LARGEST = 2**63
_SHARES = (0.50, 0.95, 0.99)


def by_value(hashes: Iterable[Fields]) -> dict[str, Counters]:
    """The counters of each value, added up over hashes of one dimension. Raises `DamagedKey`."""
    found: dict[str, Counters] = {}
    for fields in hashes:
        try:
            for name, amount in fields.amounts:
                value, _, counter = name.rpartition(SEPARATOR)
                if counter == "values":
                    continue
                amounts = found.get(value)
                if amounts is None:
                    amounts = found[value] = {}
                _count(amounts, counter, amount)
        except ValueError:
            raise DamagedKey(fields.key, NO_NUMBER) from None
    return found


def counters(fields: Fields) -> Counters:
    """The counters of a hash that is of one value alone. Raises `DamagedKey`."""
    found: Counters = {}
    try:
        for name, amount in fields.amounts:
            _count(found, name, amount)
    except ValueError:
        raise DamagedKey(fields.key, NO_NUMBER) from None
    return found


def whole(values: Mapping[str, Counters]) -> Counters:
    """The counters of all values together."""
    total: Counters = {}
    for amounts in values.values():
        add(total, amounts)
    return total


def by_service(operations: Mapping[str, Counters]) -> dict[str, Counters]:
    """The counters of each kind of service, of those of its operations."""
    found: dict[str, Counters] = {}
    for operation, amounts in operations.items():
        add(found.setdefault(SERVICES.get(operation, operation), {}), amounts)
    return found


def lost(reasons: Mapping[str, Counters]) -> documents.Lost:
    """What was lost, whatever the reasons."""
    amounts = whole(reasons)
    return documents.Lost(
        requests=amounts.get("requests", 0),
        unpriced_requests=amounts.get("unpriced", 0),
        cost_usd=amount_text(dollars(amounts.get("cost", 0))),
    )


def totals(amounts: Counters) -> documents.Totals:
    """Counters as the document that tells them."""
    saved = amounts.get("saved_response", 0) + amounts.get("saved_prompt", 0)
    return documents.Totals(
        requests=amounts.get("requests", 0),
        errors=amounts.get("errors", 0),
        cache_hits=amounts.get("cache_hits", 0),
        unpriced_requests=amounts.get("unpriced", 0),
        estimated_requests=amounts.get("estimated", 0),
        tokens=documents.Tokens(
            **{kind.removesuffix("_tokens"): amounts.get(kind, 0) for kind in TOKEN_KINDS}
        ),
        characters=amounts.get("characters", 0),
        seconds=amounts.get("milliseconds", 0) / 1000,
        cost_usd=amount_text(dollars(amounts.get("cost", 0))),
        saved_usd=amount_text(dollars(saved)),
        latency=_latency(amounts),
    )


def totals_by(values: Mapping[str, Counters]) -> dict[str, documents.Totals]:
    """The document of each value, the dearest first."""
    ranked = sorted(values, key=lambda value: (-values[value].get("cost", 0), value))
    return {value: totals(values[value]) for value in ranked}


def _count(found: Counters, counter: str, amount: str) -> None:
    # A counter that was full went on under its name with a '+' more.
    name = counter.rstrip(_FULL)
    number = int(amount)
    if not -_LARGEST <= number < _LARGEST:
        raise ValueError("Redis counts no further than 64 bits")
    found[name] = found.get(name, 0) + number


def _latency(amounts: Counters) -> documents.Latency:
    requests, microseconds = amounts.get("requests", 0), amounts.get("latency_us", 0)
    p50, p95, p99 = percentiles(bucket_counts(amounts), _SHARES)
    return documents.Latency(
        requests=requests,
        total_latency_ms=microseconds / 1000,
        avg_latency_ms=_to_the_microsecond(microseconds / 1000 / requests) if requests else None,
        p50=_to_the_microsecond(p50),
        p95=_to_the_microsecond(p95),
        p99=_to_the_microsecond(p99),
    )


def _to_the_microsecond(milliseconds: float | None) -> float | None:
    """Finer than that nothing is measured: 2447.93, not 2447.9303749999995."""
    return None if milliseconds is None else round(milliseconds, 3)
