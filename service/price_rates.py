"""A model's prices as one exact rate for each cell of usage, and the most that usage can cost."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from service.money import EXACT
from service.price_quote import Quote
from service.price_units import CELLS, REQUESTS, SECONDS, UnitPrice
from service.tokens import Usage

_ZERO = Decimal(0)
_product, _sum = EXACT.multiply, EXACT.add
_CHARACTERS = len(CELLS) - 1
_NOTHING = (None,) * len(CELLS)
_INPUT = [i for i, cell in enumerate(CELLS) if ("direction", "input") in cell.dimensions]
_INPUT.remove(_CHARACTERS)
_OUTPUT = [i for i, cell in enumerate(CELLS) if ("direction", "output") in cell.dimensions]
_READS = [i for i, cell in enumerate(CELLS) if ("token_type", "cache_read") in cell.dimensions]


@dataclass(frozen=True, slots=True)
class Rates:
    """USD for one of each of `CELLS` (None: no price), and once a request.

    `audio` is (USD, for so many seconds, billed from so many seconds on).
    """

    each: tuple[Decimal | None, ...]
    request: Decimal | None
    audio: tuple[Decimal, Decimal, Decimal] | None
    savings: tuple[tuple[int, Decimal], ...]
    """By cell of cached tokens: USD that one costs less than the same not cached."""
    prices_tokens: bool
    """Whether there is a price for tokens, or one that covers any request."""

    def cover(self, usage: Usage) -> bool:
        """Whether what was used has a price, at least in one of the ways it is counted."""
        tokens = usage.input_tokens or usage.output_tokens
        if self.prices_tokens and (tokens or self.request is not None):
            return True
        if usage.characters and self.each[_CHARACTERS] is not None:
            return True
        if usage.seconds and self.audio is not None:
            return True
        used = tokens or usage.characters or usage.seconds
        return not used and (self.audio is not None or self.each != _NOTHING)

    def amounts(self, counts: Sequence[int], seconds: Decimal) -> list[Decimal]:
        """USD by cell, in the order of `counts`; then of the request and of its seconds, if any."""
        found = [
            _product(rate, count) if count and rate is not None else _ZERO
            for count, rate in zip(counts, self.each, strict=False)
        ]
        if self.request is not None or seconds:
            found += (self.request or _ZERO, self._spoken(seconds))
        return found

    def saved(self, counts: Sequence[int]) -> Decimal:
        """USD that cached tokens would have cost more had they not been; may be negative."""
        total = _ZERO
        known = len(counts)
        for cell, saving in self.savings:
            if cell < known and counts[cell]:
                total = _sum(total, _product(saving, counts[cell]))
        return total

    def _spoken(self, seconds: Decimal) -> Decimal:
        if self.audio is None or seconds <= 0:
            return _ZERO
        price, per, least = self.audio
        # A third of a cent has no end in decimals: multiply first, divide once.
        return EXACT.divide(EXACT.multiply(price, max(seconds, least)), per)


def rates_of(quote: Quote, input_tokens: int) -> Rates:
    """The rates in a request of so many input tokens."""
    each = tuple(_rate(cell.price(quote.prices), input_tokens) for cell in CELLS)
    savings: list[tuple[int, Decimal]] = []
    for cell in _READS:
        # The cell before it is the same input, not cached.
        plain, read = each[cell - 1], each[cell]
        if plain is not None and read is not None and plain != read:
            savings.append((cell, EXACT.subtract(plain, read)))
    request = _rate(REQUESTS.price(quote.prices), input_tokens)
    audio = SECONDS.price(quote.prices)
    return Rates(
        each,
        request,
        None
        if audio is None
        else (audio.at(input_tokens), Decimal(audio.unit.per), quote.least_seconds),
        tuple(savings),
        request is not None or any(rate is not None for rate in each[:_CHARACTERS]),
    )


def _rate(price: UnitPrice | None, input_tokens: int) -> Decimal | None:
    if price is None:
        return None
    return EXACT.divide(price.at(input_tokens), Decimal(price.unit.per))


@dataclass(frozen=True, slots=True)
class Ceiling:
    """For each way a request may be priced: starts of its tiers, and the dearest rates below."""

    ways: tuple[tuple[tuple[int, ...], tuple[tuple[Decimal, Decimal, Decimal], ...]], ...]

    def amount(self, input_tokens: int, output_tokens: int) -> Decimal:
        """The most in USD that so many tokens and one request can cost."""
        return max(
            _most(dearest[: bisect_left(starts, input_tokens) + 1], input_tokens, output_tokens)
            for starts, dearest in self.ways
        )


def _most(
    dearest: Sequence[tuple[Decimal, Decimal, Decimal]], input_tokens: int, output_tokens: int
) -> Decimal:
    # A longer request need not be the dearer one: all tiers up to its own may be met.
    return max(
        EXACT.fma(given, input_tokens, EXACT.fma(said, output_tokens, once))
        for given, said, once in dearest
    )


def ceiling(ways: Sequence[tuple[tuple[int, ...], Sequence[Rates]]]) -> Ceiling | None:
    """The most that each way of pricing can come to; None where tokens have no price."""
    if not any(rates[0].prices_tokens for _, rates in ways):
        return None
    return Ceiling(
        tuple((starts, tuple(_dearest(each) for each in rates)) for starts, rates in ways)
    )


def _dearest(rates: Rates) -> tuple[Decimal, Decimal, Decimal]:
    given = max((rates.each[i] or _ZERO for i in _INPUT), default=_ZERO)
    said = max((rates.each[i] or _ZERO for i in _OUTPUT), default=_ZERO)
    return given, said, rates.request or _ZERO
