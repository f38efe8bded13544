"""Tells as metrics how much each target's provider still allows, by its own words."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from otel import attributes as a
from otel import names
from otel.instruments import Instruments
from otel.labels import Labels
from service.rate_limits import RateLimit, RateLimitKind
from service.targets import Target

KEPT_SECONDS = 60.0
"""Providers count by the minute: an older word says nothing of what is left now."""


@dataclass(frozen=True, slots=True)
class _Told:
    labels: Labels
    limit: RateLimit
    at: float


class Headroom:
    """Holds the last word of each target's provider on each limit for the next collection.

    `now` is in seconds and never goes back.
    """

    def __init__(
        self, instruments: Instruments, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._instruments = instruments
        self._now = now
        self._told: dict[tuple[str, str, RateLimitKind], _Told] = {}

    def register(self) -> None:
        """Have the metrics observed from now on."""
        self._instruments.observe_gauge(names.RATE_LIMIT_REMAINING, self._remaining)
        self._instruments.observe_gauge(names.RATE_LIMIT, self._limits)

    def note(self, target: Target, limits: Sequence[RateLimit]) -> None:
        """Take in what an answer or an error of the target told; it may have told nothing."""
        for limit in limits:
            labels: Labels = {
                a.PROVIDER_NAME: target.provider_name,
                a.REQUEST_MODEL: target.provider_model,
                a.TARGET: target.name,
                a.RATE_LIMIT_KIND: limit.kind,
            }
            key = (target.name, target.provider_model, limit.kind)
            self._told[key] = _Told(labels, limit, self._now())

    def _remaining(self) -> Iterable[tuple[float, Labels]]:
        return [(float(told.limit.remaining), told.labels) for told in self._fresh()]

    def _limits(self) -> Iterable[tuple[float, Labels]]:
        return [
            (float(told.limit.limit), told.labels)
            for told in self._fresh()
            if told.limit.limit is not None
        ]

    def _fresh(self) -> list[_Told]:
        # Collected on another thread than requests are answered on: a copy, taken at once.
        oldest = self._now() - KEPT_SECONDS
        return [told for told in list(self._told.values()) if told.at >= oldest]
