"""What an inference cost: usage times the prices of its day, exact, or None where none is known.

Pure: a price list and the time come in, an amount goes out. Cached tokens are inside input and
reasoning inside output, so the cost is linear in the counts: a model's prices become one factor a
count, kept for the next request, and pricing is a few multiplications.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from service import price_book as book
from service.money import EXACT, rounded
from service.price_book import Entry, PriceBook, UnitPrice
from service.targets import Prices
from service.tokens import Usage

_MILLION = 1_000_000
_MEMORY = 4096


@dataclass(frozen=True, slots=True)
class Price:
    """An amount in USD, where its prices come from, and what cached tokens made it cheaper by."""

    amount: Decimal
    source: str
    saved_by_prompt_cache: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Priced:
    """What is to be priced: which model, at whose address, with which service tier."""

    provider: str
    model: str
    base_url: str | None = None
    service_tier: str | None = None
    own: Prices | None = None


@dataclass(frozen=True, slots=True)
class _Factors:
    """USD for one token of each count that has a price of its own, and once a request."""

    per_token: tuple[tuple[str, Decimal], ...]
    per_request: Decimal
    source: str


class Pricing:
    """Prices usage from targets' own prices first, then from the price book."""

    def __init__(self, prices: PriceBook | None = None) -> None:
        self._book = prices or PriceBook()
        self._entries: dict[Priced, Entry | None] = {}
        self._factors: dict[tuple[Priced, int, tuple[bool, ...]], _Factors] = {}
        self._tiers: dict[Priced, tuple[int, ...]] = {}

    def price(self, what: Priced, usage: Usage, at: datetime) -> Price | None:
        """The cost in USD at a moment (aware), None where the model has no known price."""
        if what.own is None and self._entry(what, at) is None:
            return None
        consistent = _consistent(usage)
        factors = self._factors_of(what, consistent.input_tokens, at)
        counts = _counts(consistent)
        total = factors.per_request
        for kind, factor in factors.per_token:
            count = counts[kind]
            if count:
                total = EXACT.add(total, EXACT.multiply(factor, Decimal(count)))
        # Rounded once, here: what answers, logs and the ledger say adds up to the same.
        return Price(rounded(total), factors.source)

    def knows(self, what: Priced, at: datetime) -> bool:
        """Whether a price is known at that moment."""
        return what.own is not None or self._entry(what, at) is not None

    def bound(
        self, what: Priced, *, input_tokens: int, output_tokens: int, at: datetime
    ) -> Decimal | None:
        """The most in USD that so many tokens can cost; None where no price is known."""
        dearest = (
            Usage(input_tokens, output_tokens),
            Usage(input_tokens, output_tokens, cache_write_tokens=input_tokens),
            Usage(input_tokens, output_tokens, reasoning_tokens=output_tokens),
        )
        prices = [self.price(what, usage, at) for usage in dearest]
        return max((price.amount for price in prices if price is not None), default=None)

    def _factors_of(self, what: Priced, input_tokens: int, at: datetime) -> _Factors:
        # Prices change by day or by time of day, never within a minute.
        minute = int(at.timestamp()) // 60 if what.own is None else 0
        passed = tuple(input_tokens > start for start in self._tiers.get(what, ()))
        key = (what, minute, passed)
        known = self._factors.get(key)
        if known is None:
            if len(self._factors) >= _MEMORY:
                self._factors.clear()
            known = self._build(what, input_tokens, at.astimezone(UTC))
            passed = tuple(input_tokens > start for start in self._tiers.get(what, ()))
            self._factors[(what, minute, passed)] = known
        return known

    def _build(self, what: Priced, input_tokens: int, at: datetime) -> _Factors:
        if what.own is not None:
            return _Factors(_factors(_own_prices(what.own), 0), Decimal(0), "target")
        entry = self._entry(what, at)
        if entry is None:
            raise LookupError(what.model)
        context = {"service_tier": what.service_tier} if what.service_tier else None
        prices = entry.unit_prices(at, context)
        starts = {start for price in prices for start, _ in price.tiers}
        self._tiers[what] = tuple(sorted(starts))
        once = sum((p.price / p.per for p in prices if p.kind == "requests"), Decimal(0))
        return _Factors(_factors(prices, input_tokens), once, f"{entry.name} {at.date()}")

    def _entry(self, what: Priced, at: datetime) -> Entry | None:
        try:
            return self._entries[what]
        except KeyError:
            if len(self._entries) >= _MEMORY:
                self._entries.clear()
            found = self._book.find(what.provider, what.model, what.base_url)
            if found is not None and not _covers_tokens(found, at):
                found = None
            self._entries[what] = found
            return found


def _covers_tokens(entry: Entry, at: datetime) -> bool:
    """Whether the book prices tokens of the model; one priced by the minute only is unpriced."""
    return any(price.kind in (book.INPUT, book.OUTPUT) for price in entry.unit_prices(at))


def _own_prices(prices: Prices) -> tuple[UnitPrice, ...]:
    stated: Mapping[str, Decimal | None] = {
        book.INPUT: prices.input,
        book.OUTPUT: prices.output,
        book.CACHE_READ: prices.cache_read,
        book.CACHE_WRITE: prices.cache_write,
        book.REASONING: prices.reasoning,
        book.INPUT_AUDIO: prices.input_audio,
        book.OUTPUT_AUDIO: prices.output_audio,
    }
    return tuple(UnitPrice(k, price, _MILLION) for k, price in stated.items() if price is not None)


def _factors(prices: tuple[UnitPrice, ...], input_tokens: int) -> tuple[tuple[str, Decimal], ...]:
    """One factor a count: a part's price less that of the whole it is contained in."""
    each = {price.kind: price.each(input_tokens) for price in prices}
    found: list[tuple[str, Decimal]] = []
    for kind, parent in book.PARENTS.items():
        if kind in each:
            whole = each.get(parent, Decimal(0)) if parent is not None else Decimal(0)
            found.append((kind, EXACT.subtract(each[kind], whole)))
    if book.CACHE_READ_AUDIO in each:
        # Cached audio is inside both cached and audio, so it was subtracted twice.
        overlap = EXACT.subtract(
            EXACT.add(each[book.CACHE_READ_AUDIO], each.get(book.INPUT, Decimal(0))),
            EXACT.add(
                each.get(book.CACHE_READ, Decimal(0)), each.get(book.INPUT_AUDIO, Decimal(0))
            ),
        )
        found.append((book.CACHE_READ_AUDIO, overlap))
    return tuple(found)


def _counts(usage: Usage) -> Mapping[str, int]:
    # Providers do not say how much of the cached input is audio: text comes first.
    text = usage.input_tokens - usage.input_audio_tokens - usage.cache_write_tokens
    return {
        book.INPUT: usage.input_tokens,
        book.OUTPUT: usage.output_tokens,
        book.CACHE_READ: usage.cache_read_tokens,
        book.CACHE_WRITE: usage.cache_write_tokens,
        book.REASONING: usage.reasoning_tokens,
        book.INPUT_AUDIO: usage.input_audio_tokens,
        book.OUTPUT_AUDIO: usage.output_audio_tokens,
        book.CACHE_READ_AUDIO: max(0, usage.cache_read_tokens - max(0, text)),
    }


def _consistent(usage: Usage) -> Usage:
    """Usage whose parts fit into their wholes; a provider's slip must not make a cost negative."""
    inside_input = max(usage.cache_read_tokens + usage.cache_write_tokens, usage.input_audio_tokens)
    inside_output = usage.reasoning_tokens + usage.output_audio_tokens
    if usage.input_tokens >= inside_input and usage.output_tokens >= inside_output:
        return usage
    return Usage(
        input_tokens=max(usage.input_tokens, inside_input),
        output_tokens=max(usage.output_tokens, inside_output),
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        reasoning_tokens=usage.reasoning_tokens,
        input_audio_tokens=usage.input_audio_tokens,
        output_audio_tokens=usage.output_audio_tokens,
    )
