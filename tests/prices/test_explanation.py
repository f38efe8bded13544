"""An explanation is made of what made the price: its lines add up to it, to the last digit."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from service.money import EXACT, rounded
from service.price_book import Entry, PriceBook
from service.price_explanation import Explanation, explained
from service.price_file import load_price_file
from service.price_list import PriceList
from service.pricing import Priced, Pricing
from service.tokens import Usage
from tests.prices.usages import slips, usages

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
PRICING = Pricing()
ENTRIES = list(PriceBook())


def explanation(what: Priced, usage: Usage, pricing: Pricing = PRICING) -> Explanation:
    charge = pricing.charge(what, usage, NOW)
    assert charge is not None
    return explained(charge, usage)


@given(
    entry=st.sampled_from(ENTRIES),
    usage=usages() | slips(),
    tier=st.sampled_from([None, "flex", "priority", "batch"]),
)
def test_the_lines_add_up_to_the_price(entry: Entry, usage: Usage, tier: str | None) -> None:
    what = Priced(entry.provider.id, entry.model.id, service_tier=tier)
    price = PRICING.price(what, usage, NOW)
    charge = PRICING.charge(what, usage, NOW)
    if price is None or charge is None:
        assert price is charge
        return
    told = explained(charge, usage)
    total = Decimal(0)
    for line in told.lines:
        total = EXACT.add(total, line.amount)
    assert told.price == price
    assert total == told.total
    assert rounded(total) == price.amount


@given(entry=st.sampled_from(ENTRIES), usage=usages())
def test_each_line_is_its_count_times_its_price(entry: Entry, usage: Usage) -> None:
    charge = PRICING.charge(Priced(entry.provider.id, entry.model.id), usage, NOW)
    if charge is None:
        return
    per = {"million": 1_000_000, "thousand": 1_000, "hour": 3_600}
    for line in explained(charge, usage).lines:
        if line.price is None:
            assert line.amount == 0
        else:
            product = EXACT.multiply(line.price, line.count)
            assert line.amount == EXACT.divide(product, Decimal(per[line.per]))


def test_it_tells_entry_day_tier_and_what_is_inside_what() -> None:
    usage = Usage(300_000, 1_000, cache_read_tokens=100_000, reasoning_tokens=600)
    told = explanation(Priced("google", "gemini-2.5-pro"), usage)
    found = "\n".join(told.found)
    assert "google/gemini-2.5-pro" in found
    assert "300,000 input tokens are more than 200,000" in found
    assert (
        "of 300,000 input tokens 100,000 read from the cache: each token is counted once" in found
    )
    kinds = {line.kind: (line.count, line.price, line.stated_for) for line in told.lines}
    assert kinds == {
        "input": (Decimal(200_000), Decimal("2.5"), "input_tokens"),
        "cache_read": (Decimal(100_000), Decimal("0.25"), "cache_read_tokens"),
        "output": (Decimal(400), Decimal(15), "output_tokens"),
        "reasoning": (Decimal(600), Decimal(15), "output_tokens"),
    }


def test_it_tells_a_service_tier_that_has_no_price_of_its_own() -> None:
    flex = explanation(Priced("openai", "gpt-5-mini", service_tier="flex"), Usage(1, 1))
    assert any("service tier flex has prices of its own" in step for step in flex.found)
    scale = explanation(Priced("openai", "gpt-5-mini", service_tier="scale"), Usage(1, 1))
    assert "service tier scale has none of its own" in scale.found


def test_it_tells_a_discount_and_the_rounding(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text("discounts: [{provider: openai, percent: 33.33, source: contract}]")
    pricing = Pricing(PriceList(file=load_price_file(path)))
    told = explanation(Priced("openai", "text-embedding-3-small"), Usage(1, 0), pricing)
    assert "a discount: less 33.33 % (contract)" in told.found
    assert told.total == Decimal("0.000000013334")
    assert told.rounding == "nothing to round"
    path.write_text("discounts: [{provider: openai, percent: 33.3333, source: contract}]")
    pricing = Pricing(PriceList(file=load_price_file(path)))
    told = explanation(Priced("openai", "text-embedding-3-small"), Usage(1, 0), pricing)
    assert told.price.amount == Decimal("0.000000013333")
    assert told.rounding == "rounded once to a picodollar, from 0.00000001333334"


def test_it_tells_the_least_that_is_billed() -> None:
    told = explanation(Priced("groq", "whisper-large-v3"), Usage(0, 0, seconds=Decimal(3)))
    assert [(line.kind, line.count, line.per) for line in told.lines] == [
        ("seconds", Decimal(10), "hour")
    ]


def test_the_fast_tier_of_a_file_is_one_step(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(
        "models: [{provider: openai, model: m, prices: {input: 1}, "
        "service_tiers: {fast: {input: 2}}}]"
    )
    pricing = Pricing(PriceList(file=load_price_file(path)))
    told = explanation(Priced("openai", "m", service_tier="fast"), Usage(1_000_000, 0), pricing)
    assert told.price.amount == 2
    assert [step for step in told.found if "fast" in step] == [
        "service tier fast has prices of its own: input"
    ]
