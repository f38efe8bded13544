"""What changes from one price list to another: models, prices, from which day, by how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal

from service.price_file import turns
from service.price_list import Offer, PriceList
from service.price_quote import Context

Model = tuple[str, str]
"""Provider and model, as the price lists call them."""

_ALWAYS = date(2000, 1, 1)
_NOON = time(12, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """What one price is for: a kind of unit, above so many input tokens, in a mode as batch."""

    kind: str
    above: int = 0
    mode: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One price, before and after, in USD for `per` pieces; None where it is not stated.

    `since` is the first day on which the lists differ, None where they always did.
    """

    model: Model
    point: Point
    per: int
    before: Decimal | None
    after: Decimal | None
    since: date | None

    @property
    def percent(self) -> Decimal | None:
        """By how much it rises; None where one side has no price, or nothing was charged."""
        if self.before is None or self.after is None or not self.before:
            return None
        return (self.after / self.before - 1) * 100


@dataclass(frozen=True, slots=True)
class Difference:
    """Everything in which two price lists differ."""

    appeared: tuple[Model, ...]
    vanished: tuple[Model, ...]
    changes: tuple[Change, ...]


def difference(before: PriceList, after: PriceList) -> Difference:
    """What changes from one list to the other, in the order of providers and models.

    A model that only its name's pattern leads to counts as there.
    """
    models = sorted(_models(before) | _models(after))
    had = {model for model in models if any(before.of(*model))}
    has = {model for model in models if any(after.of(*model))}
    changes = [
        change
        for model in models
        if model in had and model in has and not _same(model, before, after)
        for change in _changes(model, before, after)
    ]
    return Difference(
        tuple(model for model in models if model not in had),
        tuple(model for model in models if model not in has),
        tuple(changes),
    )


def _same(model: Model, before: PriceList, after: PriceList) -> bool:
    """Whether two books say the very same of a model, and no file a word: true for most."""
    if before.file.concerns(*model) or after.file.concerns(*model):
        return False
    old, new = before.book.entry(*model), after.book.entry(*model)
    return old is not None and new is not None and old.says_as(new)


def _models(prices: PriceList) -> set[Model]:
    return {entry.identity for entry in prices}


def _changes(model: Model, before: PriceList, after: PriceList) -> Iterator[Change]:
    first: dict[tuple[Point, int, Decimal | None, Decimal | None], date] = {}
    days, hours = _moments(model, before, after)
    for day in days:
        for hour in hours:
            at = datetime.combine(day, hour)
            old, new = _points(model, before, at), _points(model, after, at)
            for key in sorted({*old, *new}):
                was, becomes = old.get(key), new.get(key)
                if was != becomes:
                    first.setdefault((*key, was, becomes), day)
    for (point, per, was, becomes), day in first.items():
        yield Change(model, point, per, was, becomes, None if day == _ALWAYS else day)


def _moments(model: Model, *lists: PriceList) -> tuple[list[date], list[time]]:
    days, hours = {_ALWAYS}, {_NOON}
    for prices in lists:
        for entry in prices.of(*model):
            days |= entry.days
            hours |= entry.hours
        for discount in prices.file.discounts:
            days |= turns(discount)
    return sorted(days), sorted(hours)


def _points(model: Model, prices: PriceList, at: datetime) -> Mapping[tuple[Point, int], Decimal]:
    offer = prices.named(*model, at)
    if offer is None:
        return {}
    ordinary = dict(_stated(offer, at, {}))
    found = dict(ordinary)
    for context in offer.listing.contexts:
        mode = " ".join(context.values())
        # Only what the mode makes different is a price of its own.
        for (point, per), price in _stated(offer, at, context):
            if ordinary.get((point, per)) != price:
                found[(Point(point.kind, point.above, mode), per)] = price
    return found


def _stated(
    offer: Offer, at: datetime, context: Context
) -> Iterator[tuple[tuple[Point, int], Decimal]]:
    for price in offer.quote(at, context).prices:
        yield (Point(price.unit.kind), price.unit.per), price.price
        for start, amount in price.tiers:
            yield (Point(price.unit.kind, start), price.unit.per), amount
