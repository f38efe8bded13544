"""Two price books beside each other: every price that one states and the other does not, as a line.

A point is one model, one kind of unit, one length of input and one tier. Amounts are USD per
million tokens or characters, and per hour of audio.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from service.money import amount_text
from service.price_book import Entry, PriceBook
from service.price_rates import rates_of
from service.price_units import CELLS, SECONDS, Cell, UnitPrice

# A weekday in the hours in which DeepSeek costs most: the other book states those prices first.
MOMENT = datetime(2026, 11, 20, 2, tzinfo=UTC)
PROVIDERS: Mapping[str, tuple[str, str]] = {
    "anthropic": ("anthropic", "anthropic/"),
    "cerebras": ("cerebras", "cerebras/"),
    "cohere": ("cohere", "cohere/"),
    "cohere_chat": ("cohere", "cohere/"),
    "deepseek": ("deepseek", "deepseek/"),
    "gemini": ("google", "gemini/"),
    "groq": ("groq", "groq/"),
    "mistral": ("mistral", "mistral/"),
    "moonshot": ("moonshotai", "moonshot/"),
    "openai": ("openai", "openai/"),
    "perplexity": ("perplexity", "perplexity/"),
    "voyage": ("voyageai", "voyage/"),
    "xai": ("x-ai", "xai/"),
    "zai": ("zai", "zai/"),
}
"""By the other book's provider: ours, and what its models' names begin with there."""
KINDS: Mapping[str, str] = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cache_read",
    "cache_creation_input_token_cost": "cache_write",
    "cache_creation_input_token_cost_above_1hr": "cache_write_1h",
    "input_cost_per_audio_token": "input_audio",
    "output_cost_per_audio_token": "output_audio",
    "cache_read_input_audio_token_cost": "cache_read_audio",
    "input_cost_per_image_token": "input_image",
    "output_cost_per_image_token": "output_image",
    "cache_read_input_image_token_cost": "cache_read_image",
    "output_cost_per_reasoning_token": "reasoning",
    "input_cost_per_character": "characters",
    "input_cost_per_second": "seconds",
}
TIERS: Mapping[str, Mapping[str, str]] = {
    "": {},
    "batch": {"processing": "batch"},
    "flex": {"service_tier": "flex"},
    "priority": {"service_tier": "priority"},
    "fast": {"service_tier": "fast"},
}
NOT_COMPARED: Mapping[str, str] = {
    r"search_context_cost_per_query|google_maps_grounding_.*|.*_per_session": "tools' searches",
    r"(input|output)_cost_per_(image|pixel)(_above_.*)?": "images by the piece; here by tokens",
    r".*_per_video_.*|.*_video_token.*|output_cost_per_second.*": "video, which is not served",
    r"ocr_.*|annotation_.*|.*_per_page.*": "documents by the page, which are not served",
    r".*_above_12hr.*": "a cache for half a day, which no usage tells apart",
    r"cache_creation_input_audio_token_cost": "cached audio, which no usage tells apart",
    r".*_ultrafast|.*_decisions": "modes that are no service tier of an answer",
    r"input_cost_per_token_cache_hit": "the other book's second name for cache_read",
    r"input_cost_per_query": "searches of rerankers, which are not served",
    r"input_cost_per_request": "charges by the size of a search, which no usage tells",
    r"input_cost_per_text_message": "live sessions, which are not served",
    r"input_cost_per_audio_per_second.*": "audio by the second of models priced by tokens here",
    r"output_cost_per_character.*": "characters of the answer; providers bill those of the text",
    r"input_cost_per_character_above_.*": "characters in tiers, of models that are gone",
    r"citation_cost_per_token": "citations, which no usage tells apart",
    r"code_interpreter_.*": "tools' runs",
}
"""Fields that state a price this service has no count for, with what they are."""

_MILLION = 1_000_000
_INDEX = {cell.name: position for position, cell in enumerate(CELLS)}
_FIELD = re.compile(
    f"({'|'.join(sorted(KINDS, key=len, reverse=True))})"
    r"(?:_above_(\d+)k_tokens)?(?:_(batches|flex|priority|fast))?"
)


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """What a price is for; `above` so many input tokens."""

    model: str
    kind: str
    above: int = 0
    tier: str = ""

    def __str__(self) -> str:
        above = f" above {self.above}" if self.above else ""
        return f"{self.model} {self.kind}{above}{' ' + self.tier if self.tier else ''}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came out: a line for each difference, how many prices agree, fields nobody knows."""

    differences: tuple[str, ...]
    agreeing: int
    unknown_fields: frozenset[str]


def compare(theirs: Mapping[str, Mapping[str, Any]], book: PriceBook) -> Comparison:
    """All prices of the providers that both have."""
    lines: list[str] = []
    unknown: set[str] = set()
    met: set[tuple[str, str]] = set()
    agreeing = 0
    for name, model in theirs.items():
        provider, prefix = PROVIDERS.get(str(model.get("litellm_provider")), ("", ""))
        if not provider:
            continue
        stated = dict(_stated(name, model, unknown))
        entry = book.find(provider, name.removeprefix(prefix))
        if entry is None:
            lines += [f"{name}: not here"] if stated else []
            continue
        met.add((provider, entry.model.id))
        for point in sorted({*stated, *_points(name, entry)}):
            here, there = _price(entry, point), stated.get(point)
            if _equal(here, there):
                agreeing += 1
            else:
                lines.append(f"{point}: {_text(here)} here, {_text(there)} there")
    ours = {provider for provider, _ in PROVIDERS.values()}
    for entry in book:
        if entry.provider.id in ours and (entry.provider.id, entry.model.id) not in met:
            lines.append(f"{entry.provider.id}/{entry.model.id}: not there")
    return Comparison(tuple(lines), agreeing, frozenset(unknown))


def _stated(
    name: str, model: Mapping[str, Any], unknown: set[str]
) -> Iterator[tuple[Point, Decimal]]:
    for field, value in model.items():
        if "cost" not in field or value is None:
            continue
        found = _FIELD.fullmatch(field)
        if found is None:
            if not any(re.fullmatch(pattern, field) for pattern in NOT_COMPARED):
                unknown.add(field)
            continue
        kind, above, tier = KINDS[found[1]], found[2], found[3] or ""
        point = Point(name, kind, int(above or 0) * 1000, tier.replace("batches", "batch"))
        yield point, value * (3600 if kind == "seconds" else _MILLION)


def _points(name: str, entry: Entry) -> Iterator[Point]:
    """What our book states of a model: each kind, its context tiers, and what tiers change."""
    plain = entry.quote(MOMENT).prices
    for tier, context in TIERS.items():
        prices = entry.quote(MOMENT, context).prices
        for cell in (*CELLS, SECONDS):
            price = cell.price(prices)
            if price is None or cell.name not in KINDS.values():
                continue
            if _inherited(cell, price, prices) or (tier and price == cell.price(plain)):
                continue
            yield Point(name, cell.name, 0, tier)
            for start, _ in price.tiers:
                yield Point(name, cell.name, round(start, -3), tier)


def _inherited(cell: Cell, price: UnitPrice, prices: Sequence[UnitPrice]) -> bool:
    """Whether the price is that of a broader kind, which is compared under its own name."""
    named = [other for other in CELLS if other.price(prices) is price]
    return bool(named) and named[0] is not cell


def _price(entry: Entry, point: Point) -> Decimal | None:
    quote = entry.quote(MOMENT, TIERS[point.tier])
    rates = rates_of(quote, point.above + 1)
    if point.kind == "seconds":
        return None if rates.audio is None else rates.audio[0] * 3600 / rates.audio[1]
    rate = rates.each[_INDEX[point.kind]]
    return None if rate is None else rate * _MILLION


def _equal(here: Decimal | None, there: Decimal | None) -> bool:
    return (here or 0) == (there or 0) and (here is None or there is not None or here == 0)


def _text(price: Decimal | None) -> str:
    return "none" if price is None else amount_text(price.normalize())
