"""The price file's shape, and what of it can be checked without anything else."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.targets_schema import PartPrices, Price

Text = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]
Name = Annotated[str, Field(min_length=1, max_length=256, pattern=r"^\S+$")]
Percent = Annotated[Price, Field(gt=0, le=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KindPrices(PartPrices):
    """What a model costs, all kinds together."""

    input: Price | None = None
    output: Price | None = None

    @model_validator(mode="after")
    def _states_a_price(self) -> Self:
        if not self.stated():
            raise ValueError("states no price; write at least one, such as input: 0.15")
        return self

    @model_validator(mode="after")
    def _has_wholes(self) -> Self:
        """A part alone would leave the rest of its whole without a price."""
        stated = self.stated()
        for whole in ("input", "output"):
            parts = [name for name in stated if name in _PARTS[whole]]
            if parts and whole not in stated:
                raise ValueError(f"states {parts[0]} without {whole}; write {whole} too")
        return self

    def stated(self) -> dict[str, Decimal]:
        """The prices that are there."""
        return {name: price for name, price in self if price is not None}


_PARTS = {
    "input": (
        "cache_read",
        "cache_write",
        "cache_write_1h",
        "input_audio",
        "input_image",
        "cache_read_audio",
        "cache_read_image",
    ),
    "output": ("reasoning", "output_audio", "output_image"),
}


class _Overrides(KindPrices):
    """Some of the prices; the rest stays."""

    @model_validator(mode="after")
    def _has_wholes(self) -> Self:
        return self


class _Dated(_Strict):
    """Something that holds on certain days, counted in UTC, both ends included."""

    begins: date | None = Field(default=None, alias="from")
    until: date | None = None
    source: Text | None = None

    @model_validator(mode="after")
    def _has_days(self) -> Self:
        if self.begins is not None and self.until is not None and self.until < self.begins:
            raise ValueError(f"ends on {self.until}, before it begins on {self.begins}; swap them")
        return self


class ModelPrices(_Dated):
    """What a model costs at a provider; `*` in its name stands for any letters."""

    provider: Name
    model: Name
    prices: KindPrices
    above: dict[Annotated[int, Field(gt=0, le=10**9)], _Overrides] = {}
    service_tiers: dict[Name, _Overrides] = {}
    batch: _Overrides | None = None

    @model_validator(mode="after")
    def _overrides_what_is_there(self) -> Self:
        stated = self.prices.stated()
        places = {f"above.{start}": tier for start, tier in self.above.items()}
        for place, tier in places.items():
            for name in tier.stated():
                if name not in stated:
                    raise ValueError(f"{place} states {name}, prices does not; write it there too")
        return self


class Discount(_Dated):
    """Less by so many percent than the price book's list price."""

    provider: Name | None = None
    model: Name | None = None
    percent: Percent

    @model_validator(mode="after")
    def _says_where(self) -> Self:
        if self.model is not None and self.provider is None:
            raise ValueError(f"names the model {self.model} but no provider; write whose it is")
        return self


class PricesDocument(_Strict):
    """The whole file."""

    models: list[ModelPrices] = []
    discounts: list[Discount] = []

    @model_validator(mode="after")
    def _is_clear(self) -> Self:
        _refuse_doubles("models", [(_who(m.provider, m.model), m.begins) for m in self.models])
        _refuse_doubles(
            "discounts", [(_who(d.provider, d.model), d.begins) for d in self.discounts]
        )
        return self


def _who(provider: str | None, model: str | None) -> str:
    return f"{provider or '*'} {model or '*'}".lower()


def _refuse_doubles(where: str, entries: list[tuple[str, date | None]]) -> None:
    seen: dict[tuple[str, date | None], int] = {}
    for position, entry in enumerate(entries):
        first = seen.setdefault(entry, position)
        if first != position:
            who, begins = entry
            day = f"from {begins}" if begins else "without a from"
            raise ValueError(
                f"{where}.{first} and {where}.{position} are both for {who} {day}; "
                "remove one, or give the later one its day with from"
            )
