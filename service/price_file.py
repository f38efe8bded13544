"""The operator's own prices: one validated YAML file of models, their prices, and discounts.

It goes before the price book: a model in it costs what it says there; a discount makes the list
price of the book smaller. A file with any fault is refused whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Self

from pydantic import ValidationError

from service.price_book import provider_id
from service.price_file_schema import Discount, ModelPrices, PricesDocument
from service.price_quote import Context, Quote
from service.price_units import unit_prices
from service.yaml_file import YamlFileError, problems, read_yaml

Names = tuple[str, ...]
"""One model's names: the one that answered, and the one that was asked for."""


class PriceFileError(ValueError):
    """The price file cannot be used; the message names file, entry, problem and remedy."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One model in the file."""

    entry: ModelPrices
    place: str

    @property
    def identity(self) -> tuple[str, str]:
        """Provider and model, as the price book would call them."""
        return provider_id(self.entry.provider), self.entry.model.lower()

    def answers_to(self, name: str) -> bool:
        """Whether a provider's name for a model leads here."""
        return matches(self.entry.model, name)

    @property
    def contexts(self) -> Sequence[Context]:
        """What a request can be besides ordinary to have other prices."""
        tiers = tuple({"service_tier": name} for name in self.entry.service_tiers)
        return (*tiers, {"processing": "batch"}) if self.entry.batch else tiers

    def holds(self, at: datetime) -> bool:
        """Whether this is a day of its."""
        return _holds(self.entry, at.date())

    @property
    def days(self) -> frozenset[date]:
        """On which the prices may become others."""
        return turns(self.entry)

    @property
    def hours(self) -> frozenset[time]:
        """None: the file's prices hold for whole days."""
        return frozenset()

    @property
    def name(self) -> str:
        """Where the price is written, for the record."""
        told = f" ({self.entry.source})" if self.entry.source else ""
        return f"{self.place} {self.entry.provider}/{self.entry.model}{told}"

    def quote(self, at: datetime, context: Context | None = None) -> Quote:
        """The prices of a moment, one for each kind of unit that is stated."""
        steps = [f"{self.place} has it as {self.entry.provider}/{self.entry.model}"]
        if self.entry.source:
            steps.append(f"source: {self.entry.source}")
        steps.append(_said_of_days(self.entry.begins, self.entry.until))
        stated = self.entry.prices.stated()
        above = {start: tier.stated() for start, tier in self.entry.above.items()}
        for key, value in _asked(context or {}).items():
            tier = self.entry.batch if key == "processing" else None
            tier = self.entry.service_tiers.get(value) if key == "service_tier" else tier
            own = tier.stated() if tier else {}
            stated |= own
            # A tier's price is for any length of input.
            above = {
                start: {name: price for name, price in prices.items() if name not in own}
                for start, prices in above.items()
            }
            said = f"has prices of its own: {', '.join(own)}" if own else "has none of its own"
            steps.append(f"{key.replace('_', ' ')} {value} {said}")
        return Quote(unit_prices(stated, above), f"{self.name} {at.date()}", tuple(steps))


@dataclass(frozen=True, slots=True)
class PriceFile:
    """What one version of the file says."""

    models: tuple[FileEntry, ...] = ()
    discounts: tuple[Discount, ...] = ()

    @classmethod
    def of(cls, document: PricesDocument, name: str = "prices.yaml") -> Self:
        """The same, ready to be asked; `name` is the file's, for the record."""
        entries = (
            FileEntry(entry, f"{name} models.{position}")
            for position, entry in enumerate(document.models)
        )
        return cls(tuple(entries), tuple(document.discounts))

    def find(self, provider: str, names: Names, at: datetime) -> FileEntry | None:
        """The entry that counts on that day for a model of these names, None where there is none.

        A whole name goes before a pattern, a longer one before a shorter one, and of prices for the
        same the one that began last.
        """
        fitting = [
            entry
            for entry in self.models
            if _fits(entry.entry, provider, names) and entry.holds(at)
        ]
        return max(fitting, key=lambda entry: _rank(entry.entry), default=None)

    def all_of(self, provider: str, model: str) -> list[FileEntry]:
        """The entries for a model on any day."""
        return [entry for entry in self.models if _fits(entry.entry, provider, (model,))]

    def concerns(self, provider: str, model: str) -> bool:
        """Whether an entry or a discount is for a model on any day."""
        entries = (*(found.entry for found in self.models), *self.discounts)
        return any(_fits(entry, provider, (model,)) for entry in entries)

    def discount(self, provider: str, names: Names, at: datetime) -> Discount | None:
        """The one discount that counts for a model on that day: the most specific."""
        fitting = [
            discount
            for discount in self.discounts
            if _fits(discount, provider, names) and _holds(discount, at.date())
        ]
        return max(fitting, key=_rank, default=None)


NO_FILE = PriceFile()


def load_price_file(path: Path) -> PriceFile:
    """Read and validate a price file. Raises `PriceFileError`."""
    try:
        raw = read_yaml(path)
    except YamlFileError as error:
        raise PriceFileError(
            f"The price file {path} {error}. Set GAUGEWAY_PRICES to a file that can be used, or "
            "leave it unset for the price book alone."
        ) from None
    try:
        document = PricesDocument.model_validate(raw if raw is not None else {})
    except ValidationError as error:
        lines = problems(error, raw, naming=("provider", "model"))
        raise PriceFileError(f"The price file {path} is not valid:\n" + "\n".join(lines)) from None
    return PriceFile.of(document, path.name)


def _asked(context: Context) -> Context:
    """Without the second name of a tier: Anthropic's prices in the book have "fast" as a speed."""
    tier = context.get("service_tier")
    return {key: value for key, value in context.items() if key != "speed" or value != tier}


def turns(entry: ModelPrices | Discount) -> frozenset[date]:
    """The first day on which it holds, and the first on which it no longer does."""
    ended = entry.until + timedelta(days=1) if entry.until else None
    return frozenset(day for day in (entry.begins, ended) if day is not None)


def _fits(entry: ModelPrices | Discount, provider: str, names: Names) -> bool:
    if entry.provider is not None and provider_id(entry.provider) != provider_id(provider):
        return False
    pattern = entry.model
    return pattern is None or any(matches(pattern, name) for name in names)


def matches(pattern: str, model: str) -> bool:
    """Whether the pattern, in which `*` stands for any text, is the model's name; case is equal.

    A provider chooses the name that answers: each part is looked for once, after the one before.
    """
    name = model.lower()
    first, *others = pattern.lower().split("*")
    if not others:
        return name == first
    *middle, last = others
    if len(name) < len(first) + len(last) or not (name.startswith(first) and name.endswith(last)):
        return False
    at, end = len(first), len(name) - len(last)
    for part in middle:
        at = name.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True


def _holds(entry: ModelPrices | Discount, day: date) -> bool:
    begun = entry.begins is None or entry.begins <= day
    return begun and (entry.until is None or day <= entry.until)


def _rank(entry: ModelPrices | Discount) -> tuple[bool, bool, int, date]:
    pattern = entry.model or "*"
    exact = "*" not in pattern
    begins = entry.begins or date.min
    return entry.provider is not None, exact, len(pattern), begins


def _said_of_days(begins: date | None, until: date | None) -> str:
    if begins is None and until is None:
        return "one price for all days"
    since = f"since {begins}" if begins else "from the beginning"
    return f"its price {since}" + (f" until {until}" if until else "")
