"""What a simulated provider says is left of its limits: it tells, and never refuses by them."""

from __future__ import annotations

from collections.abc import Callable

from service.providers.simulated.options import RateLimits
from service.rate_limits import RateLimit, RateLimitKind

WINDOW_SECONDS = 60.0


class Allowance:
    """Counts requests and tokens by the minute. `now` is in seconds and never goes back."""

    def __init__(self, limits: RateLimits, now: Callable[[], float]) -> None:
        self._limits: dict[RateLimitKind, int] = {}
        if limits.requests is not None:
            self._limits["requests"] = limits.requests
        if limits.tokens is not None:
            self._limits["tokens"] = limits.tokens
        self._now = now
        self._window = -1
        self._used: dict[RateLimitKind, int] = {}

    def take(self, tokens: int) -> tuple[RateLimit, ...]:
        """Count an answer of so many tokens and tell what is left after it."""
        if not self._limits:
            return ()
        window = int(self._now() // WINDOW_SECONDS)
        if window != self._window:
            self._window = window
            self._used = {"requests": 0, "tokens": 0}
        self._used["requests"] += 1
        self._used["tokens"] += tokens
        return tuple(
            RateLimit(kind, max(0, limit - self._used[kind]), limit)
            for kind, limit in self._limits.items()
        )

    def used_up(self) -> tuple[RateLimit, ...]:
        """What a 429 tells: no request is left."""
        limit = self._limits.get("requests")
        return () if limit is None else (RateLimit("requests", 0, limit),)
