"""What a price list says of one model at one moment: plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Protocol

from service.money import amount_text
from service.price_units import UnitPrice

Context = Mapping[str, str]
"""What a request is besides ordinary, such as {service_tier: flex} or {processing: batch}."""


@dataclass(frozen=True, slots=True)
class Quote:
    """Prices of one moment; `steps` say in words how they were found."""

    prices: tuple[UnitPrice, ...]
    source: str
    steps: tuple[str, ...] = ()
    least_seconds: Decimal = Decimal(0)
    """Of audio, that any bill begins with."""

    def less(self, percent: Decimal, why: str) -> Quote:
        """The same with a discount on every price."""
        said = f"less {amount_text(percent)} % ({why})"
        return replace(
            self,
            prices=tuple(price.less(percent) for price in self.prices),
            source=f"{self.source}, {said}",
            steps=(*self.steps, f"a discount: {said}"),
        )


class Listing(Protocol):
    """One model in a price list."""

    @property
    def contexts(self) -> Sequence[Context]:
        """What a request can be besides ordinary to have other prices."""
        ...

    @property
    def days(self) -> frozenset[date]:
        """On which the prices may become others."""
        ...

    @property
    def hours(self) -> frozenset[time]:
        """In UTC, at which the prices may become others, each day."""
        ...

    def quote(self, at: datetime, context: Context | None = None) -> Quote:
        """The prices of a moment (aware)."""
        ...
