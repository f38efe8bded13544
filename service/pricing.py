"""What an inference cost: usage times the prices of its day, exact, or None where none is known.

Pure: a price list and the time come in, an amount goes out. A model's prices become one rate for
each cell of usage, kept for the minute, so that pricing is a few multiplications.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from service.money import EXACT, rounded
from service.price_file import PriceFile
from service.price_list import PriceList
from service.price_quote import Context, Quote
from service.price_rates import Ceiling, Rates, ceiling, rates_of
from service.price_units import cell_counts, unit_prices
from service.targets import Prices
from service.tokens import Usage

_MEMORY = 4096
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Price:
    """An amount in USD, where its prices come from, and what cached tokens made it cheaper by."""

    amount: Decimal
    source: str
    saved_by_prompt_cache: Decimal = _ZERO


@dataclass(frozen=True, slots=True)
class Priced:
    """What is to be priced: which model, at whose address, with which service tier, in a batch.

    `asked` is the name the model was asked for by, where the answer names another.
    """

    provider: str
    model: str
    base_url: str | None = None
    service_tier: str | None = None
    own: Prices | None = None
    batch: bool = False
    asked: str | None = None


@dataclass(frozen=True, slots=True)
class _Sheet:
    """One model's prices in one minute; one entry in `rates` for each context tier."""

    quote: Quote
    starts: tuple[int, ...]
    rates: tuple[Rates, ...]

    def of(self, input_tokens: int) -> Rates:
        """The rates of a request with so much input: a tier begins above its start."""
        return self.rates[bisect_left(self.starts, input_tokens)]


@dataclass(frozen=True, slots=True)
class Charge:
    """A usage under its prices: how many of each cell, at which rates, for how much."""

    quote: Quote
    starts: tuple[int, ...]
    rates: Rates
    counts: Sequence[int]
    amounts: Sequence[Decimal]
    """In the order of `counts`; then, where they cost something, the request and its seconds."""
    price: Price


class Pricing:
    """Prices usage from targets' own prices first, then from the price list."""

    def __init__(self, prices: PriceList | None = None) -> None:
        self.use(prices or PriceList())

    def use(self, prices: PriceList) -> None:
        """Price by this list from now on."""
        self._list = prices
        self._sheets: dict[tuple[Priced, int], _Sheet | None] = {}
        self._ceilings: dict[tuple[Priced, int], Ceiling | None] = {}

    def use_file(self, file: PriceFile) -> None:
        """Put these prices of the operator's before the price book from now on."""
        self.use(PriceList(self._list.book, file))

    def price(self, what: Priced, usage: Usage, at: datetime) -> Price | None:
        """The cost in USD at a moment (aware), None where the model has no known price."""
        sheet = self._sheet(what, at)
        if sheet is None:
            return None
        rates = sheet.of(usage.input_tokens)
        if not rates.cover(usage):
            return None
        return _price(sheet, rates, *_charge(rates, usage))

    def charge(self, what: Priced, usage: Usage, at: datetime) -> Charge | None:
        """The same with everything it is made of."""
        sheet = self._sheet(what, at)
        if sheet is None or not (rates := sheet.of(usage.input_tokens)).cover(usage):
            return None
        counts, amounts = _charge(rates, usage)
        price = _price(sheet, rates, counts, amounts)
        return Charge(sheet.quote, sheet.starts, rates, counts, amounts, price)

    def knows(self, what: Priced, at: datetime) -> bool:
        """Whether tokens of the model have a price at a moment (aware)."""
        sheet = self._sheet(what, at)
        return sheet is not None and sheet.rates[0].prices_tokens

    def bound(
        self, what: Priced, *, input_tokens: int, output_tokens: int, at: datetime
    ) -> Decimal | None:
        """The most in USD that one request with up to so many tokens can cost at a moment.

        All of them are taken for the dearest kind there is. Where no service tier is named the
        dearest of all, as the provider may choose it. None where no price is known.
        """
        key = (what, _minute(at))
        try:
            found = self._ceilings[key]
        except KeyError:
            if len(self._ceilings) >= _MEMORY:
                self._ceilings.clear()
            found = self._ceilings[key] = self._ceiling(what, at)
        return rounded(found.amount(input_tokens, output_tokens)) if found is not None else None

    def _sheet(self, what: Priced, at: datetime) -> _Sheet | None:
        # Prices change by day or by time of day, never within a minute.
        key = (what, _minute(at))
        try:
            return self._sheets[key]
        except KeyError:
            if len(self._sheets) >= _MEMORY:
                self._sheets.clear()
            quote = self._quote(what, at.astimezone(UTC))
            sheet = self._sheets[key] = _sheet_of(quote) if quote is not None else None
            return sheet

    def _quote(self, what: Priced, at: datetime) -> Quote | None:
        if what.own is not None:
            return _own_quote(what.own)
        offer = self._list.find(what.provider, what.model, what.base_url, at, what.asked)
        return offer.quote(at, _context(what)) if offer is not None else None

    def _ceiling(self, what: Priced, at: datetime) -> Ceiling | None:
        at = at.astimezone(UTC)
        if what.own is not None:
            quotes = [_own_quote(what.own)]
        else:
            offer = self._list.find(what.provider, what.model, what.base_url, at, what.asked)
            if offer is None:
                return None
            asked = _context(what)
            # A provider may choose the service tier; everything else has to be asked for.
            chosen = [context for context in offer.listing.contexts if "service_tier" in context]
            contexts = [asked] if asked else chosen
            quotes = [offer.quote(at), *(offer.quote(at, context) for context in contexts)]
        sheets = [_sheet_of(quote) for quote in quotes]
        return ceiling([(sheet.starts, sheet.rates) for sheet in sheets])


def _charge(rates: Rates, usage: Usage) -> tuple[Sequence[int], Sequence[Decimal]]:
    """How many of each cell, and what they come to."""
    counts = cell_counts(usage)
    return counts, rates.amounts(counts, usage.seconds)


def _price(sheet: _Sheet, rates: Rates, counts: Sequence[int], amounts: Sequence[Decimal]) -> Price:
    total = _ZERO
    for amount in amounts:
        if amount:
            total = EXACT.add(total, amount)
    saved = rates.saved(counts)
    # Rounded once, here: what answers, logs and the ledger say adds up to the same.
    return Price(rounded(total), sheet.quote.source, rounded(saved) if saved > 0 else _ZERO)


def _minute(at: datetime) -> int:
    return int(at.timestamp()) // 60


def _context(what: Priced) -> Context:
    tier = what.service_tier
    if what.batch or tier == "batch":
        return {"processing": "batch"}
    if not tier:
        return {}
    # OpenAI's fast tier is a service tier, Anthropic's a speed; no model has both.
    return {"service_tier": tier, "speed": tier} if tier == "fast" else {"service_tier": tier}


def _own_quote(prices: Prices) -> Quote:
    stated = {field: getattr(prices, field) for field in prices.__slots__}
    return Quote(unit_prices(stated), "target", ("the target states its own prices",))


def _sheet_of(quote: Quote) -> _Sheet:
    starts = tuple(sorted({start for price in quote.prices for start, _ in price.tiers}))
    # A tier begins above its start, so one more token is inside it.
    rates = tuple(rates_of(quote, tokens) for tokens in (0, *(start + 1 for start in starts)))
    return _Sheet(quote, starts, rates)
