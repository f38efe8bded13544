"""Reads list prices from the `genai-prices` package: offline, dated, exact.

The one place that touches the package. Its bundled book is pinned with the package's version;
nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache
from importlib.metadata import version
from typing import Any

from genai_prices.data_snapshot import DataSnapshot, get_snapshot
from genai_prices.types import (
    ModelInfo,
    ModelPrice,
    PriceVariant,
    Provider,
    StartDateConstraint,
    TieredPrices,
    TimeOfDateConstraint,
)
from genai_prices.units import (
    _get_registry,  # pyright: ignore[reportPrivateUsage] - the package names its units only there
)

from service.price_quote import Context, Quote
from service.price_units import Unit, UnitPrice

SOURCE = f"genai-prices {version('genai-prices')}"

# What the conventions call a provider, where the book calls it otherwise.
_PROVIDER_IDS: Mapping[str, str] = {
    "aws.bedrock": "aws",
    "azure.ai.inference": "azure",
    "azure.ai.openai": "azure",
    "gcp.gemini": "google",
    "gcp.gen_ai": "google",
    "gcp.vertex_ai": "google",
    "mistral_ai": "mistral",
    "moonshot_ai": "moonshotai",
    "x_ai": "x-ai",
}
# Bills of these begin at so many seconds; the package knows it in its code, not in its prices.
_LEAST_SECONDS: Mapping[tuple[str, str], Decimal] = {
    ("groq", "whisper-large-v3"): Decimal(10),
    ("groq", "whisper-large-v3-turbo"): Decimal(10),
}

Constraint = StartDateConstraint | TimeOfDateConstraint | None


def provider_id(name: str) -> str:
    """The book's id for a provider that the conventions may call otherwise."""
    return _PROVIDER_IDS.get(name.lower(), name.lower())


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in the book."""

    provider: Provider
    model: ModelInfo
    source: str = SOURCE

    def quote(self, at: datetime, context: Context | None = None) -> Quote:
        """The prices of a moment, one for each kind of unit the model is priced by."""
        own = self._own
        prices = self.model.get_prices(at, context if own else None)
        return Quote(
            tuple(_unit_prices(prices)),
            f"{self.name} {at.date()}",
            steps=tuple(self._steps(at, context or {})),
            least_seconds=_LEAST_SECONDS.get((self.provider.id, self.model.id), Decimal(0)),
        )

    @property
    def identity(self) -> tuple[str, str]:
        """Provider and model, as the book calls them."""
        return self.provider.id, self.model.id

    def answers_to(self, name: str) -> bool:
        """Whether a provider's name for a model leads here."""
        return self.model.is_match(name)

    @property
    def contexts(self) -> tuple[Context, ...]:
        """What a request can be besides ordinary to have other prices."""
        return tuple(variant.when for variant in self.variants)

    @property
    def days(self) -> frozenset[date]:
        """On which the prices may become others."""
        return frozenset(
            constraint.start_date
            for constraint in self._constraints()
            if isinstance(constraint, StartDateConstraint)
        )

    @property
    def hours(self) -> frozenset[time]:
        """In UTC, at which the prices may become others, each day."""
        return frozenset(
            _in_utc(moment)
            for constraint in self._constraints()
            if isinstance(constraint, TimeOfDateConstraint)
            for moment in (constraint.start_time, constraint.end_time)
        )

    @property
    def variants(self) -> tuple[PriceVariant, ...]:
        """Prices for a service tier, a batch and the like, in order of precedence."""
        return tuple(self.model.price_variants or ()) if self._own else ()

    @property
    def name(self) -> str:
        """Where the price is written, for the record."""
        return f"{self.source} {self.provider.id}/{self.model.id}"

    def periods(self) -> Iterator[tuple[Constraint, tuple[UnitPrice, ...]]]:
        """All standard prices, with when they hold; the last that holds counts."""
        prices = self.model.prices
        if isinstance(prices, ModelPrice):
            yield None, tuple(_unit_prices(prices))
            return
        for period in prices:
            yield period.constraint, tuple(_unit_prices(period.prices))

    def says_as(self, other: Entry) -> bool:
        """Whether another version of the book states the same prices, days and all."""
        mine, its = self.model, other.model
        return mine.prices == its.prices and list(self.variants) == list(other.variants)

    def _constraints(self) -> Iterator[Constraint]:
        yield from (constraint for constraint, _ in self.periods())
        yield from (variant.constraint for variant in self.variants)

    @property
    def _own(self) -> bool:
        # A provider may serve another's model at that one's prices, but not at its tiers.
        return any(self.model is model for model in self.provider.models)

    def _steps(self, at: datetime, context: Context) -> Iterator[str]:
        yield f"{self.source} has it as {self.provider.id}/{self.model.id}"
        if not self._own:
            yield f"{self.provider.id} has no price of its own for it: the maker's price counts"
        yield self._period(at)
        for key, value in context.items():
            kinds = sorted(
                price.unit.kind
                for variant in self.variants
                if variant.when == {key: value}
                and (variant.constraint is None or variant.constraint.active(at))
                for price in _unit_prices(variant.prices)
            )
            said = f"has prices of its own: {', '.join(kinds)}" if kinds else "has none of its own"
            yield f"{key.replace('_', ' ')} {value} {said}"

    def _period(self, at: datetime) -> str:
        prices = self.model.prices
        if isinstance(prices, ModelPrice):
            return "one price for all days"
        chosen = self.model.get_prices(at)
        for period in reversed(prices):
            if period.prices is chosen:
                return f"of {len(prices)} prices the one {said_of(period.constraint)}"
        return f"of {len(prices)} prices the first"  # pragma: no cover - one is always chosen


class PriceBook:
    """Finds models by the names that providers and conventions use."""

    def __init__(self, snapshot: DataSnapshot | None = None, source: str = SOURCE) -> None:
        self._snapshot = snapshot or get_snapshot()
        self.source = source
        self._by_name: dict[tuple[str, str], Entry] = {}

    def find(self, provider: str, model: str, base_url: str | None = None) -> Entry | None:
        """The entry for a model at a provider, None where the book has none.

        An address that belongs to a provider of the book decides which one it is; another address
        (one's own server, a proxy) has no list price, whatever protocol it speaks.
        """
        try:
            found = self._snapshot.find_provider_model(
                model, None, None if base_url else _PROVIDER_IDS.get(provider, provider), base_url
            )
        except LookupError:
            return None
        return Entry(*found, self.source)

    def maker(self, model: str) -> str | None:
        """The provider that a model's name alone leads to, None where it leads to none."""
        try:
            return self._snapshot.find_provider(model.lower(), None, None).id
        except LookupError:
            return None

    def entry(self, provider: str, model: str) -> Entry | None:
        """The entry of that very name, which some patterns do not lead to, else as `find`."""
        if not self._by_name:
            self._by_name = {(entry.provider.id, entry.model.id): entry for entry in self}
        return self._by_name.get((provider, model)) or self.find(provider, model)

    def __iter__(self) -> Iterator[Entry]:
        for provider in self._snapshot.providers:
            for model in provider.models:
                yield Entry(provider, model, self.source)


def said_of(constraint: Constraint) -> str:
    """When a price holds, in words."""
    if constraint is None:
        return "for all other days"
    if isinstance(constraint, StartDateConstraint):
        return f"since {constraint.start_date}"
    return f"from {constraint.start_time:%H:%M} to {constraint.end_time:%H:%M} UTC"


def _unit_prices(prices: ModelPrice) -> Iterator[UnitPrice]:
    for key, unit in _units().items():
        price: Any = getattr(prices, key)
        if isinstance(price, TieredPrices):
            tiers = tuple((tier.start, tier.price) for tier in price.tiers)
            yield UnitPrice(unit, price.base, tiers)
        elif price is not None:
            yield UnitPrice(unit, price)


def _in_utc(moment: time) -> time:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return datetime.combine(date(2000, 1, 1), moment).astimezone(UTC).timetz()


@cache
def _units() -> Mapping[str, Unit]:
    return {
        unit.price_key: Unit(unit.usage_key, unit.per, frozenset(unit.dimensions.items()))
        for unit in _get_registry().units.values()
    }
