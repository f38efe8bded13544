"""A usage falls apart into cells that do not overlap, and each has the most specific price."""

from __future__ import annotations

from decimal import Decimal

import pytest
from genai_prices.units import (
    _get_registry,  # pyright: ignore[reportPrivateUsage] - the units this table must agree with
)
from hypothesis import given

from service.price_book import PriceBook
from service.price_units import (
    CELLS,
    REQUESTS,
    SECONDS,
    TEXT_CELLS,
    UNITS,
    Cell,
    cell_counts,
    unit_prices,
)
from service.tokens import Usage
from tests.prices.usages import slips, usages

BY_NAME = {cell.name: cell for cell in CELLS}
# Kinds that the book has prices for and that no usage of this service can tell of, with the reason.
NOT_COUNTED = {
    "input_video_tokens": "no provider's chat usage tells video apart; it costs what input costs",
    "output_video_tokens": "the gateway makes no video",
    "output_citation_tokens": "told by no OpenAI-shaped usage; they cost what output costs",
    "input_document_pages": "the gateway reads no documents",
    "input_annotated_document_pages": "the gateway reads no documents",
    "web_searches": "searches of a provider's own tools are not counted yet",
    "storage_searches": "searches of a provider's own tools are not counted yet",
    "input_text_messages": "a charge for live speech sessions, which are not served",
}


def test_the_cells_of_text_come_first() -> None:
    assert CELLS[: len(TEXT_CELLS)] == TEXT_CELLS
    assert CELLS[-1].name == "characters"
    assert len(BY_NAME) == len(CELLS)


@given(usages())
def test_every_token_is_in_one_cell(usage: Usage) -> None:
    counts = dict(zip(BY_NAME, cell_counts(usage), strict=False))
    given_input = sum(
        count
        for name, count in counts.items()
        if ("direction", "input") in BY_NAME[name].dimensions
    )
    assert given_input == usage.input_tokens
    assert sum(counts.values()) == usage.total_tokens
    assert min(counts.values()) >= 0


@given(slips())
def test_no_slip_of_a_provider_makes_a_cell_negative(usage: Usage) -> None:
    assert min(cell_counts(usage)) >= 0


@given(usages())
def test_each_kind_that_is_told_is_found_again(usage: Usage) -> None:
    counts = dict(zip(BY_NAME, cell_counts(usage), strict=False))

    def all_with(dimension: tuple[str, str]) -> int:
        return sum(n for name, n in counts.items() if dimension in BY_NAME[name].dimensions)

    assert all_with(("token_type", "cache_read")) == usage.cache_read_tokens
    assert all_with(("token_type", "cache_write")) == usage.cache_write_tokens
    assert all_with(("cache_ttl", "1h")) == usage.cache_write_1h_tokens
    assert all_with(("token_type", "reasoning")) == usage.reasoning_tokens
    audio = usage.input_audio_tokens + usage.output_audio_tokens
    assert all_with(("modality", "audio")) == audio
    image = usage.input_image_tokens + usage.output_image_tokens
    assert all_with(("modality", "image")) == image


def test_cached_input_is_taken_for_text_as_far_as_there_is_text() -> None:
    usage = Usage(100, 0, cache_read_tokens=60, input_audio_tokens=50, input_image_tokens=10)
    counts = dict(zip(BY_NAME, cell_counts(usage), strict=False))
    assert (counts["cache_read"], counts["cache_read_audio"]) == (40, 20)
    assert (counts["input_audio"], counts["input_image"], counts["input"]) == (30, 10, 0)


@pytest.mark.parametrize(
    ("cell", "stated", "expected"),
    [
        ("cache_read", {"input": 10}, 10),
        ("cache_read", {"input": 10, "cache_read": 1}, 1),
        ("cache_write_1h", {"input": 10, "cache_write": 12}, 12),
        ("cache_write_1h", {"input": 10, "cache_write": 12, "cache_write_1h": 20}, 20),
        ("cache_write", {"input": 10, "cache_write": 12, "cache_write_1h": 20}, 12),
        ("reasoning", {"output": 7}, 7),
        # Cached audio where only the two wholes have a price: the dearer, never less than nothing.
        ("cache_read_audio", {"input": 10, "cache_read": 1, "input_audio": 1}, 1),
        ("cache_read_audio", {"input": 10, "cache_read": 1, "input_audio": 90}, 90),
        ("cache_read_audio", {"input": 9, "input_audio": 90, "cache_read_audio": 3}, 3),
        ("input_image", {"input": 10, "input_audio": 90}, 10),
    ],
)
def test_a_cell_has_the_most_specific_price(
    cell: str, stated: dict[str, int], expected: int
) -> None:
    prices = unit_prices({name: Decimal(price) for name, price in stated.items()})
    found = BY_NAME[cell].price(prices)
    assert found is not None
    assert found.price == expected


def test_a_cell_without_any_price_has_none() -> None:
    assert BY_NAME["output"].price(unit_prices({"input": Decimal(1)})) is None


def test_our_units_are_the_price_books() -> None:
    theirs = _get_registry().units
    for unit in UNITS.values():
        known = theirs[unit.kind]
        assert (unit.per, unit.dimensions) == (known.per, frozenset(known.dimensions.items()))


def test_every_kind_the_book_has_prices_for_is_counted_or_known_not_to_be() -> None:
    counted: tuple[Cell, ...] = (*CELLS, SECONDS, REQUESTS)
    missed = {
        price.unit.kind
        for entry in PriceBook()
        for _, prices in entry.periods()
        for price in prices
        if not any(price.unit.dimensions <= cell.dimensions for cell in counted)
    }
    assert missed == set(NOT_COUNTED)
