"""Amounts of USD: exact decimals where they are read, whole picodollars where they are added.

A token of a cheap model costs less than a micro-dollar, so the unit of addition is 10⁻¹² USD, an
integer. A 64-bit counter of them holds nine million dollars.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

_UNIT = Decimal(1).scaleb(-12)
# Wide enough that neither a product of a price and a count nor a sum of them is ever rounded.
EXACT = Context(prec=60)


def rounded(amount: Decimal) -> Decimal:
    """The amount to the picodollar, half to even, without zeros at its end."""
    return EXACT.normalize(amount.quantize(_UNIT, ROUND_HALF_EVEN, EXACT))


def picodollars(amount: Decimal) -> int:
    """The amount, which `rounded` gave, as an integer. Raises `ValueError` where it is finer."""
    scaled = amount.scaleb(12, EXACT)
    whole = int(scaled)
    if scaled != whole:
        raise ValueError(f"{amount} USD is finer than a picodollar")
    return whole


def dollars(amount: int) -> Decimal:
    """So many picodollars in USD."""
    return EXACT.normalize(Decimal(amount).scaleb(-12, EXACT))


def amount_text(amount: Decimal) -> str:
    """An amount as a plain decimal: every digit, no exponent."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
