"""Figures as people read them; what is exact stays beside what is rounded.

Amounts come as decimal strings and are never a double on their way to the page.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from service.money import EXACT, amount_text

_CENT = Decimal("0.01")
_HUNDREDTH_OF_A_CENT = Decimal("0.0001")
_SIGNIFICANT = 3
"""Digits that an amount under a hundredth of a cent is shown with: it is never shown as $0."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number twice: rounded for the eye, exact for whoever points at it, copies or tests it."""

    text: str
    exact: str


def usd(amount: str | Decimal) -> Figure:
    """An amount of USD: $1,234.50, $0.0312, $0.00000014."""
    value = Decimal(amount)
    size = abs(value)
    if size == 0:
        shown = "0.00"
    elif size >= 1:
        shown = f"{value.quantize(_CENT, ROUND_HALF_EVEN, EXACT):,f}"
    elif size >= _CENT:
        shown = _cents_at_least(value.quantize(_HUNDREDTH_OF_A_CENT, ROUND_HALF_EVEN, EXACT))
    else:
        finest = Decimal(1).scaleb(size.adjusted() - _SIGNIFICANT + 1)
        shown = amount_text(value.quantize(finest, ROUND_HALF_EVEN, EXACT))
    sign, digits = ("\N{MINUS SIGN}", shown[1:]) if shown.startswith("-") else ("", shown)
    return Figure(f"{sign}${digits}", amount_text(value))


def _cents_at_least(value: Decimal) -> str:
    """Without zeros at its end, but never fewer than two decimals: $0.50, $0.0312."""
    whole, _, decimals = amount_text(value).partition(".")
    return f"{whole}.{decimals:0<2}"


def quantity(amount: str | int | Decimal, unit: str) -> Figure:
    """An amount of a budget's unit: dollars, tokens or requests."""
    if unit == "usd":
        return usd(str(amount))
    value = Decimal(amount)
    shown = value.quantize(Decimal(1), ROUND_HALF_EVEN, EXACT)
    return Figure(f"{shown:,f} {unit}", amount_text(value))


def count(number: int) -> Figure:
    """A number of things: 12,345."""
    return Figure(f"{number:,}", str(number))


def some(number: int, thing: str) -> str:
    """So many things: 1 request, 2 requests."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def short_count(number: int) -> Figure:
    """A number that may be large: 1.25M stands for it, the exact one is beside it."""
    if number < 10_000:
        return count(number)
    for size, letter in ((10**12, "T"), (10**9, "G"), (10**6, "M")):
        # What three digits round to a thousand of one unit is one of the next.
        if number * 2_000 >= size * 1_999:
            return Figure(f"{Decimal(number) / size:.3g}{letter}", str(number))
    return Figure(f"{Decimal(number) / 1000:.3g}k", str(number))


def duration(milliseconds: float | None) -> Figure:
    """A duration: 840 ms, 1.24 s, 2 min 3 s; an en dash where there is none."""
    if milliseconds is None:
        return Figure("\N{EN DASH}", "")
    exact = f"{milliseconds:.3f}"
    if milliseconds < 1:
        return Figure(f"{milliseconds:.2f} ms", exact)
    if milliseconds < 999.5:
        return Figure(f"{milliseconds:.3g} ms", exact)
    seconds = milliseconds / 1000
    if seconds < 59.95:
        return Figure(f"{seconds:.3g} s", exact)
    minutes, rest = divmod(round(seconds), 60)
    return Figure(f"{minutes} min {rest} s", exact)


def span_of_time(seconds: float) -> str:
    """How long until something, to the minute: 3 d 4 h, 9 h 23 min, under a minute."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return "under a minute"
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def share(part: int | Decimal, whole: int | Decimal) -> Decimal | None:
    """A part in percent of a whole; None where the whole is nothing."""
    return None if not whole else Decimal(part) * 100 / Decimal(whole)


def percent(value: Decimal | float | None) -> str:
    """A share as text: 12.3 %, under 0.1 %; an en dash where there is none."""
    if value is None:
        return "\N{EN DASH}"
    exact = Decimal(str(value))
    if 0 < exact < Decimal("0.1"):
        return "under 0.1 %"
    # What is not all is not shown as all, nor nothing as something.
    shown = exact.quantize(Decimal("0.1"), ROUND_HALF_EVEN)
    if exact < 100 <= shown:
        shown = Decimal("99.9")
    return f"{shown:f} %"


def width(value: Decimal | float | None) -> str:
    """A share as the width of a bar, 0 to 100, for an SVG attribute."""
    if value is None:
        return "0"
    bounded = min(Decimal(100), max(Decimal(0), Decimal(str(value))))
    return amount_text(bounded.quantize(Decimal("0.01"), ROUND_HALF_EVEN)) if bounded else "0"


def total(amounts: Iterable[str | Decimal]) -> Decimal:
    """The sum of amounts, exact."""
    found = Decimal(0)
    for amount in amounts:
        found = EXACT.add(found, Decimal(amount))
    return found
