"""What is paid for: units with a price, and a usage as cells of which each has one price.

Cached tokens are inside input and reasoning inside output, audio and image tokens inside both. So a
usage is first taken apart into cells that do not overlap, such as cached text or spoken output;
every token is in just one. A cell costs the most specific price stated for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from service.money import EXACT
from service.tokens import Usage

Dimensions = frozenset[tuple[str, str]]
"""What kind of thing is counted, such as {direction: input, modality: audio}."""

MILLION = 1_000_000
SECONDS_AN_HOUR = 3600


def _of(family: str, token_type: str | None = None, **more: str) -> Dimensions:
    own = {"token_type": token_type} if token_type else {}
    return frozenset({"family": family, **own, **more}.items())


@dataclass(frozen=True, slots=True)
class Unit:
    """What one stated price is for: `per` pieces of whatever has all the dimensions."""

    kind: str
    per: int
    dimensions: Dimensions


# The names that the operator's files use. Kinds, pieces and dimensions are those of the price book.
UNITS: Mapping[str, Unit] = {
    "input": Unit("input_tokens", MILLION, _of("tokens", direction="input")),
    "output": Unit("output_tokens", MILLION, _of("tokens", direction="output")),
    "cache_read": Unit(
        "cache_read_tokens", MILLION, _of("tokens", "cache_read", direction="input")
    ),
    "cache_write": Unit(
        "cache_write_tokens", MILLION, _of("tokens", "cache_write", direction="input")
    ),
    "cache_write_1h": Unit(
        "cache_write_1h_tokens",
        MILLION,
        _of("tokens", "cache_write", direction="input", cache_ttl="1h"),
    ),
    "reasoning": Unit(
        "output_reasoning_tokens",
        MILLION,
        _of("tokens", "reasoning", direction="output"),
    ),
    "input_audio": Unit(
        "input_audio_tokens", MILLION, _of("tokens", direction="input", modality="audio")
    ),
    "output_audio": Unit(
        "output_audio_tokens", MILLION, _of("tokens", direction="output", modality="audio")
    ),
    "cache_read_audio": Unit(
        "cache_audio_read_tokens",
        MILLION,
        _of("tokens", "cache_read", direction="input", modality="audio"),
    ),
    "input_image": Unit(
        "input_image_tokens", MILLION, _of("tokens", direction="input", modality="image")
    ),
    "output_image": Unit(
        "output_image_tokens", MILLION, _of("tokens", direction="output", modality="image")
    ),
    "cache_read_image": Unit(
        "cache_image_read_tokens",
        MILLION,
        _of("tokens", "cache_read", direction="input", modality="image"),
    ),
    "million_characters": Unit("input_characters", MILLION, _of("characters", direction="input")),
    "audio_hour": Unit("audio_seconds", SECONDS_AN_HOUR, _of("durations", modality="audio")),
    "thousand_requests": Unit("requests", 1_000, _of("requests")),
}


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """USD for the pieces of one unit; `tiers` are (more input tokens than, price) ascending."""

    unit: Unit
    price: Decimal
    tiers: tuple[tuple[int, Decimal], ...] = ()

    def at(self, input_tokens: int) -> Decimal:
        """The price in a request of so many input tokens: a passed tier prices them all."""
        price = self.price
        for start, tier_price in self.tiers:
            if input_tokens > start:
                price = tier_price
        return price

    def less(self, percent: Decimal) -> UnitPrice:
        """The same with a discount."""
        share = EXACT.divide(EXACT.subtract(Decimal(100), percent), Decimal(100))
        tiers = tuple((start, EXACT.multiply(price, share)) for start, price in self.tiers)
        return UnitPrice(self.unit, EXACT.multiply(self.price, share), tiers)


def unit_prices(
    stated: Mapping[str, Decimal | None], above: Mapping[int, Mapping[str, Decimal]] | None = None
) -> tuple[UnitPrice, ...]:
    """Prices by the names in `UNITS`; `above` holds those of requests with more input tokens."""
    tiers = sorted((above or {}).items())
    return tuple(
        UnitPrice(
            UNITS[name],
            price,
            tuple((start, prices[name]) for start, prices in tiers if name in prices),
        )
        for name, price in stated.items()
        if price is not None
    )


@dataclass(frozen=True, slots=True)
class Cell:
    """Things that are counted once and cost the same each."""

    name: str
    dimensions: Dimensions

    def price(self, prices: Iterable[UnitPrice]) -> UnitPrice | None:
        """The most specific price for it; of two that are equally so, the dearer."""
        fitting = [price for price in prices if price.unit.dimensions <= self.dimensions]
        return max(fitting, key=lambda p: (len(p.unit.dimensions), p.price), default=None)


_CACHE: Mapping[str, Mapping[str, str]] = {
    "input": {},
    "cache_read": {"token_type": "cache_read"},
    "cache_write": {"token_type": "cache_write", "cache_ttl": "5m"},
    "cache_write_1h": {"token_type": "cache_write", "cache_ttl": "1h"},
}


def _input_cells(modality: str) -> tuple[Cell, ...]:
    suffix = "" if modality == "text" else f"_{modality}"
    return tuple(
        Cell(name + suffix, _of("tokens", direction="input", modality=modality, **more))
        for name, more in _CACHE.items()
    )


def _output_cell(name: str, modality: str, **more: str) -> Cell:
    return Cell(name, _of("tokens", direction="output", modality=modality, **more))


TEXT_CELLS = (
    *_input_cells("text"),
    _output_cell("output", "text"),
    _output_cell("reasoning", "text", token_type="reasoning"),  # noqa: S106 - no password
)
CELLS = (
    *TEXT_CELLS,
    *_input_cells("audio"),
    *_input_cells("image"),
    _output_cell("output_audio", "audio"),
    _output_cell("output_image", "image"),
    Cell("characters", _of("characters", direction="input")),
)
"""In the order of `cell_counts`; those of plain text come first."""
SECONDS = Cell("seconds", _of("durations", direction="input", modality="audio"))
REQUESTS = Cell("requests", _of("requests"))


def cell_counts(usage: Usage) -> Sequence[int]:
    """How many are in each of `CELLS`; those of `TEXT_CELLS` alone where there is nothing else."""
    if not _more_than_text(usage):
        read, write = usage.cache_read_tokens, usage.cache_write_tokens
        long, reasoning = usage.cache_write_1h_tokens, usage.reasoning_tokens
        plain, said = usage.input_tokens - read - write, usage.output_tokens - reasoning
        if plain >= 0 and said >= 0 and long <= write:
            return (plain, read, write - long, long, said, reasoning)
    return _all_counts(_consistent(usage))


def _more_than_text(usage: Usage) -> int:
    return (
        usage.input_audio_tokens
        or usage.output_audio_tokens
        or usage.input_image_tokens
        or usage.output_image_tokens
        or usage.characters
    )


def _all_counts(usage: Usage) -> Sequence[int]:
    audio, image = usage.input_audio_tokens, usage.input_image_tokens
    spoken, drawn = usage.output_audio_tokens, usage.output_image_tokens
    said = usage.output_tokens - usage.reasoning_tokens - spoken - drawn
    # Providers do not say how much of the cached input is audio or image: text comes first.
    rooms = [usage.input_tokens - audio - image, audio, image]
    long = _fill(rooms, usage.cache_write_1h_tokens)
    short = _fill(rooms, usage.cache_write_tokens - usage.cache_write_1h_tokens)
    read = _fill(rooms, usage.cache_read_tokens)
    text, heard, seen = zip(rooms, read, short, long, strict=True)
    return (*text, said, usage.reasoning_tokens, *heard, *seen, spoken, drawn, usage.characters)


def _fill(rooms: list[int], wanted: int) -> list[int]:
    """Take so many out of the rooms, one after the other, and say how many of each."""
    taken: list[int] = []
    for position, room in enumerate(rooms):
        part = min(room, wanted)
        rooms[position] = room - part
        wanted -= part
        taken.append(part)
    return taken


def _consistent(usage: Usage) -> Usage:
    """Usage whose parts fit into their wholes; a provider's slip must not make a cost negative."""
    written = max(usage.cache_write_tokens, usage.cache_write_1h_tokens)
    inside_input = max(
        usage.cache_read_tokens + written, usage.input_audio_tokens + usage.input_image_tokens
    )
    inside_output = usage.reasoning_tokens + usage.output_audio_tokens + usage.output_image_tokens
    if (
        usage.input_tokens >= inside_input
        and usage.output_tokens >= inside_output
        and usage.cache_write_tokens == written
    ):
        return usage
    return Usage(
        input_tokens=max(usage.input_tokens, inside_input),
        output_tokens=max(usage.output_tokens, inside_output),
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=written,
        reasoning_tokens=usage.reasoning_tokens,
        input_audio_tokens=usage.input_audio_tokens,
        output_audio_tokens=usage.output_audio_tokens,
        cache_write_1h_tokens=usage.cache_write_1h_tokens,
        input_image_tokens=usage.input_image_tokens,
        output_image_tokens=usage.output_image_tokens,
        characters=usage.characters,
        seconds=usage.seconds,
    )
