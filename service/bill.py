"""What one answer came to."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from service.tokens import Usage


@dataclass(frozen=True, slots=True)
class Bill:
    """What one answer used and cost; `cost` in USD is None where no price is known.

    `saved` is what the provider's prompt cache made it cheaper by.
    """

    tokens: int
    cost: Decimal | None
    estimated: bool = False
    usage: Usage | None = None
    saved: Decimal = Decimal(0)

    def __add__(self, other: Bill) -> Bill:
        """Both together; a cost that is not known adds nothing to one that is."""
        known = [bill.cost for bill in (self, other) if bill.cost is not None]
        return Bill(
            self.tokens + other.tokens,
            sum(known, Decimal(0)) if known else None,
            self.estimated or other.estimated,
            other.usage if self.usage is None else _together(self.usage, other.usage),
            self.saved + other.saved,
        )


def _together(first: Usage, second: Usage | None) -> Usage:
    return first if second is None else first + second


NOTHING = Bill(tokens=0, cost=Decimal(0))
"""What a cache hit costs."""
