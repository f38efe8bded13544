"""Tells how a price came about, step by step, out of the very charge that made it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from service.money import EXACT, amount_text
from service.price_units import CELLS, REQUESTS, SECONDS, Cell, UnitPrice
from service.pricing import Charge, Price
from service.tokens import Usage

_DECIMALS = 20
_PIECES = {1_000_000: "million", 1_000: "thousand", 3_600: "hour", 1: "one"}


@dataclass(frozen=True, slots=True)
class Line:
    """So many of one kind, at so much for `per` of them, as the kind that the price is stated for.

    `price` None: the list has no price for it, which adds nothing.
    """

    kind: str
    count: Decimal
    price: Decimal | None
    per: str
    stated_for: str | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Explanation:
    """Sentences on how the prices were found, a line for each kind, their sum, and the price."""

    found: tuple[str, ...]
    lines: tuple[Line, ...]
    total: Decimal
    price: Price

    @property
    def rounding(self) -> str:
        """What rounding did."""
        if self.total == self.price.amount:
            return "nothing to round"
        return f"rounded once to a picodollar, from {shortened(self.total)}"


def shortened(amount: Decimal) -> str:
    """An amount in words: every digit, or where it has no end as many as show which way it goes."""
    text = amount_text(amount.normalize(EXACT))
    whole, _, decimals = text.partition(".")
    return text if len(decimals) <= _DECIMALS else f"{whole}.{decimals[:_DECIMALS]}…"


def explained(charge: Charge, usage: Usage) -> Explanation:
    """The steps that led to a charge for a usage."""
    total = Decimal(0)
    for amount in charge.amounts:
        total = EXACT.add(total, amount)
    return Explanation(
        (*charge.quote.steps, *_said_of_length(charge, usage), *_said_of_overlaps(usage)),
        tuple(_lines(charge, usage)),
        total,
        charge.price,
    )


def _said_of_length(charge: Charge, usage: Usage) -> Iterator[str]:
    if not charge.starts:
        return
    passed = [start for start in charge.starts if usage.input_tokens > start]
    tokens = f"{usage.input_tokens:,} input tokens"
    if passed:
        yield f"{tokens} are more than {passed[-1]:,}: all tokens cost what that tier costs"
    else:
        yield f"{tokens} are not more than {charge.starts[0]:,}: no dearer tier begins"


def _said_of_overlaps(usage: Usage) -> Iterator[str]:
    inside_input = {
        "read from the cache": usage.cache_read_tokens,
        "written into the cache": usage.cache_write_tokens,
        "audio": usage.input_audio_tokens,
        "images": usage.input_image_tokens,
    }
    inside_output = {
        "reasoning": usage.reasoning_tokens,
        "audio": usage.output_audio_tokens,
        "images": usage.output_image_tokens,
    }
    for whole, count, parts in (
        ("input", usage.input_tokens, inside_input),
        ("output", usage.output_tokens, inside_output),
    ):
        there = [f"{tokens:,} {name}" for name, tokens in parts.items() if tokens]
        if there:
            yield f"of {count:,} {whole} tokens {', '.join(there)}: each token is counted once"


def _lines(charge: Charge, usage: Usage) -> Iterator[Line]:
    known = len(charge.counts)
    for cell, count, amount in zip(CELLS, charge.counts, charge.amounts, strict=False):
        if count:
            yield _line(charge, usage, cell, Decimal(count), amount)
    # After the cells come, if they cost anything, the request and its seconds.
    for cell, count, amount in zip(
        (REQUESTS, SECONDS), (Decimal(1), usage.seconds), charge.amounts[known:], strict=False
    ):
        if amount or (cell is SECONDS and count):
            least = charge.quote.least_seconds if cell is SECONDS else Decimal(0)
            yield _line(charge, usage, cell, max(count, least), amount)


def _line(charge: Charge, usage: Usage, cell: Cell, count: Decimal, amount: Decimal) -> Line:
    price: UnitPrice | None = cell.price(charge.quote.prices)
    if price is None:
        return Line(cell.name, count, None, "", None, amount)
    per = _PIECES.get(price.unit.per, f"{price.unit.per:,}")
    stated = price.at(usage.input_tokens)
    return Line(cell.name, count, stated, per, price.unit.kind, amount)
