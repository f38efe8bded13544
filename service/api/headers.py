"""Our headers: what callers may send, and what answers carry."""

from __future__ import annotations

import math
from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from otel.attributes import OTHER
from service.bill import Bill
from service.cache import CacheDirective, parse_cache_control
from service.errors import InvalidRequest
from service.exchange import CacheResult
from service.money import amount_text
from service.providers.control import HEADER as SIMULATE
from service.providers.control import SimulateControl, parse_header

COMPONENT = "x-gaugeway-component"
DEADLINE = "x-gaugeway-deadline-ms"
TRACE_ID = "x-trace-id"
COST = "x-gaugeway-cost-usd"
UNPRICED = "x-gaugeway-unpriced"
CACHE = "x-gaugeway-cache"
TOKENS = "x-gaugeway-tokens"
DURATION = "x-gaugeway-duration-ms"
# What a failed request has, too, where a provider was paid for it.
CHARGES = (COST, UNPRICED, TOKENS)


def component_of(given: Mapping[str, str], declared: AbstractSet[str]) -> str | None:
    """The declared component a caller names; one that is not declared is `_OTHER`."""
    named = given.get(COMPONENT)
    if not named:
        return None
    return named if named in declared else OTHER


def deadline_of(given: Mapping[str, str], *, now: float, allowed: float) -> float:
    """When the request must be answered, on the loop's clock; a caller can only lower it."""
    asked = given.get(DEADLINE)
    if asked is not None:
        if not (asked.isascii() and asked.isdigit()) or not 1 <= int(asked[:16]) <= 10**12:
            raise InvalidRequest(
                f"The header {DEADLINE} must be a whole number of milliseconds, 1 or more.",
                code="invalid_header",
            )
        allowed = min(allowed, int(asked[:16]) / 1000)
    return now + allowed


def cache_of(given: Mapping[str, str]) -> CacheDirective:
    """What the caller wants of the response cache."""
    return parse_cache_control(given.get("cache-control"))


def simulate_of(given: Mapping[str, str]) -> SimulateControl | None:
    """The caller's wishes to the simulated provider."""
    wish = given.get(SIMULATE)
    return None if wish is None else parse_header(wish)


def bill_headers(bill: Bill, cache: CacheResult, seconds: float) -> dict[str, str]:
    """What a complete answer says of itself."""
    return {CACHE: cache, **cost_headers(bill), DURATION: milliseconds(seconds)}


def cost_headers(bill: Bill) -> dict[str, str]:
    """What a request came to, answered or not."""
    tokens = {TOKENS: str(bill.tokens)}
    if bill.cost is None:
        return {**tokens, UNPRICED: "true"}
    return {**tokens, COST: amount_text(bill.cost)}


def milliseconds(seconds: float) -> str:
    """A duration in milliseconds, to the microsecond."""
    return f"{max(0.0, seconds) * 1000:.3f}" if math.isfinite(seconds) else "0.000"
