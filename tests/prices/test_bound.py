"""Nothing that fits into what was reserved costs more than was reserved."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from service.price_book import Entry, PriceBook
from service.price_file import PriceFile
from service.price_file_schema import PricesDocument
from service.price_list import PriceList
from service.pricing import Priced, Pricing
from service.targets import Prices
from service.tokens import Usage
from tests.prices.usages import usages

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
BOOK = PriceBook()
PRICING = Pricing(PriceList(BOOK))
ENTRIES = list(BOOK)
TIERS = st.sampled_from([None, "default", "flex", "priority", "fast", "batch", "scale"])
MOMENTS = st.datetimes(datetime(2023, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC))
MONEY = st.decimals(0, 1000, places=6)


@given(entry=st.sampled_from(ENTRIES), usage=usages(), more=usages(), at=MOMENTS, tier=TIERS)
def test_the_bound_holds_for_every_model_of_the_book(
    entry: Entry, usage: Usage, more: Usage, at: datetime, tier: str | None
) -> None:
    """Whatever tier the provider chooses: none was named when it was reserved."""
    what = (entry.provider.id, entry.model.id)
    assume(tier != "fast" or {"speed": "fast"} not in entry.contexts)  # is never chosen for one
    price = PRICING.price(Priced(*what, service_tier=tier), usage, at)
    bound = PRICING.bound(
        Priced(*what),
        input_tokens=usage.input_tokens + more.input_tokens,
        output_tokens=usage.output_tokens + more.output_tokens,
        at=at,
    )
    if price is None:
        assert bound is None or usage.total_tokens == 0 or not PRICING.knows(Priced(*what), at)
    else:
        assert bound is not None or usage.total_tokens == 0
        assert bound is None or price.amount <= bound


@given(entry=st.sampled_from(ENTRIES), usage=usages(), at=MOMENTS, tier=TIERS)
def test_the_bound_of_a_named_tier_holds_for_it_and_for_the_ordinary_one(
    entry: Entry, usage: Usage, at: datetime, tier: str | None
) -> None:
    what = Priced(entry.provider.id, entry.model.id, service_tier=tier)
    bound = PRICING.bound(
        what, input_tokens=usage.input_tokens, output_tokens=usage.output_tokens, at=at
    )
    for served in (what, Priced(what.provider, what.model)):
        price = PRICING.price(served, usage, at)
        if price is not None and bound is not None:
            assert price.amount <= bound


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """One model with prices of many kinds, in no order that makes sense."""
    kinds = ["cache_read", "cache_write", "cache_write_1h", "input_audio", "input_image"]
    kinds += ["reasoning", "output_audio", "output_image", "cache_read_audio", "thousand_requests"]
    wholes = {"input": draw(MONEY), "output": draw(MONEY)}
    prices = wholes | draw(st.dictionaries(st.sampled_from(kinds), MONEY))
    some = st.dictionaries(st.sampled_from(sorted(prices)), MONEY, min_size=1)
    return {
        "provider": "own",
        "model": "*",
        "prices": prices,
        "above": draw(st.dictionaries(st.integers(1, 2_000_000), some, max_size=3)),
        "service_tiers": draw(st.dictionaries(st.sampled_from(["flex", "priority"]), some)),
    }


@given(document=documents(), usage=usages(), tier=st.sampled_from([None, "flex", "priority"]))
def test_the_bound_holds_for_any_prices_an_operator_can_write(
    document: dict[str, Any], usage: Usage, tier: str | None
) -> None:
    file = PriceFile.of(PricesDocument.model_validate({"models": [document]}))
    pricing = Pricing(PriceList(BOOK, file))
    price = pricing.price(Priced("own", "any", service_tier=tier), usage, NOW)
    bound = pricing.bound(
        Priced("own", "any"),
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        at=NOW,
    )
    assert price is not None
    assert bound is not None
    assert price.amount <= bound


def test_a_bound_is_made_of_the_dearest_kinds_and_the_request() -> None:
    own = Prices(Decimal(1), Decimal(4), cache_write=Decimal(2), thousand_requests=Decimal(1))
    bound = PRICING.bound(
        Priced("own", "any", own=own), input_tokens=1_000, output_tokens=100, at=NOW
    )
    assert bound == Decimal("0.0034")


def test_a_shorter_input_may_be_the_dearer_one() -> None:
    prices = {"input": 9, "output": 9}
    document = {"provider": "own", "model": "x", "prices": prices, "above": {100: {"input": 1}}}
    file = PriceFile.of(PricesDocument.model_validate({"models": [document]}))
    pricing = Pricing(PriceList(BOOK, file))
    bound = pricing.bound(Priced("own", "x"), input_tokens=101, output_tokens=0, at=NOW)
    price = pricing.price(Priced("own", "x"), Usage(100, 0), NOW)
    assert price is not None
    assert bound is not None
    assert bound >= price.amount > Decimal(101) / 1_000_000


def test_what_has_no_price_has_no_bound() -> None:
    for model in ("gpt-99-imaginary", "whisper-1"):
        what = Priced("openai", model)
        assert PRICING.bound(what, input_tokens=1, output_tokens=1, at=NOW) is None
