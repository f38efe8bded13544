"""Our headers: what callers may send, and what answers carry."""

from __future__ import annotations

import math
from decimal import Decimal

from fastapi import Request

from otel.attributes import OTHER
from service.api.context import runtime_of
from service.cache import CacheDirective, parse_cache_control
from service.errors import InvalidRequest
from service.exchange import Bill, CacheResult
from service.pricing import amount_text
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


def component_of(request: Request) -> str | None:
    """The declared component a caller names; one that is not declared is `_OTHER`."""
    named = request.headers.get(COMPONENT)
    if not named:
        return None
    return named if named in runtime_of(request).components else OTHER


def deadline_of(request: Request, now: float) -> float:
    """When the request must be answered, on the loop's clock; a caller can only lower it."""
    allowed = runtime_of(request).settings.deadline_seconds
    asked = request.headers.get(DEADLINE)
    if asked is not None:
        if not (asked.isascii() and asked.isdigit()) or not 1 <= int(asked[:16]) <= 10**12:
            raise InvalidRequest(
                f"The header {DEADLINE} must be a whole number of milliseconds, 1 or more.",
                code="invalid_header",
            )
        allowed = min(allowed, int(asked[:16]) / 1000)
    return now + allowed


def cache_of(request: Request) -> CacheDirective:
    """What the caller wants of the response cache."""
    return parse_cache_control(request.headers.get("cache-control"))


def simulate_of(request: Request) -> SimulateControl | None:
    """The caller's wishes to the simulated provider, where settings let callers have them."""
    if not runtime_of(request).settings.simulate_control:
        return None
    wish = request.headers.get(SIMULATE)
    return None if wish is None else parse_header(wish)


def bill_headers(bill: Bill, cache: CacheResult, seconds: float) -> dict[str, str]:
    """What a complete answer says of itself."""
    found = {CACHE: cache, TOKENS: str(bill.tokens), DURATION: milliseconds(seconds)}
    if bill.cost is None:
        found[UNPRICED] = "true"
    else:
        found[COST] = cost_text(bill.cost)
    return found


def cost_text(cost: Decimal) -> str:
    """USD as a plain decimal, exact."""
    return amount_text(cost)


def milliseconds(seconds: float) -> str:
    """A duration in milliseconds, to the microsecond."""
    return f"{max(0.0, seconds) * 1000:.3f}" if math.isfinite(seconds) else "0.000"
