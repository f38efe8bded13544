"""Reads list prices from the `genai-prices` package: offline, dated, exact.

The one place that touches the package. Its bundled book is pinned with the package's version;
nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from importlib.metadata import version
from typing import Any

from genai_prices.data_snapshot import DataSnapshot, get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, Provider, TieredPrices
from genai_prices.units import (
    _get_registry,  # pyright: ignore[reportPrivateUsage] - the package names its units only there
)

SOURCE = f"genai-prices {version('genai-prices')}"

# Kinds of tokens this service is told of, by the book's names for them.
INPUT = "input_tokens"
OUTPUT = "output_tokens"
CACHE_READ = "cache_read_tokens"
CACHE_WRITE = "cache_write_tokens"
REASONING = "output_reasoning_tokens"
INPUT_AUDIO = "input_audio_tokens"
OUTPUT_AUDIO = "output_audio_tokens"
CACHE_READ_AUDIO = "cache_audio_read_tokens"
PARENTS: Mapping[str, str | None] = {
    INPUT: None,
    OUTPUT: None,
    CACHE_READ: INPUT,
    CACHE_WRITE: INPUT,
    INPUT_AUDIO: INPUT,
    REASONING: OUTPUT,
    OUTPUT_AUDIO: OUTPUT,
}

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


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """USD for `per` tokens of one kind; `tiers` are (more input tokens than, price) ascending."""

    kind: str
    price: Decimal
    per: int
    tiers: tuple[tuple[int, Decimal], ...] = ()

    def each(self, input_tokens: int) -> Decimal:
        """USD for one token in a request of so many input tokens: a passed tier prices them all."""
        price = self.price
        for start, tier_price in self.tiers:
            if input_tokens > start:
                price = tier_price
        return price / self.per


@dataclass(frozen=True, slots=True)
class Entry:
    """A model in the book."""

    provider: Provider
    model: ModelInfo

    def unit_prices(
        self, at: datetime, context: Mapping[str, str] | None = None
    ) -> tuple[UnitPrice, ...]:
        """The prices of a moment, one for each kind of unit the model is priced by."""
        own = any(self.model is model for model in self.provider.models)
        prices = self.model.get_prices(at, context if own else None)
        return tuple(_unit_prices(prices))

    @property
    def name(self) -> str:
        """Where the price is written, for the record."""
        return f"{SOURCE} {self.provider.id}/{self.model.id}"


class PriceBook:
    """Finds models by the names that providers and conventions use."""

    def __init__(self, snapshot: DataSnapshot | None = None) -> None:
        self._snapshot = snapshot or get_snapshot()

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
        return Entry(*found)


def _unit_prices(prices: ModelPrice) -> list[UnitPrice]:
    units = _get_registry().units
    found: list[UnitPrice] = []
    for unit in units.values():
        price: Any = getattr(prices, unit.price_key)
        if isinstance(price, TieredPrices):
            tiers = tuple((tier.start, tier.price) for tier in price.tiers)
            found.append(UnitPrice(unit.usage_key, price.base, unit.per, tiers))
        elif price is not None:
            found.append(UnitPrice(unit.usage_key, price, unit.per))
    return found
