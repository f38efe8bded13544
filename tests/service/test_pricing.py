"""Prices: exact, dated, the book's own arithmetic, and never zero for what is not known."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import genai_prices
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.money import amount_text
from service.price_book import PriceBook
from service.pricing import Priced, Pricing
from service.targets import Prices
from service.tokens import Usage

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
PRICING = Pricing()
MODELS = [
    ("openai", "gpt-4o"),
    ("openai", "gpt-5-mini"),
    ("openai", "gpt-4.1-nano"),
    ("openai", "o3"),
    ("openai", "text-embedding-3-small"),
    ("openai", "gpt-4o-audio-preview"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-opus-4-1"),
    ("google", "gemini-2.5-pro"),
    ("google", "gemini-2.5-flash"),
    ("deepseek", "deepseek-chat"),
    ("mistral", "mistral-large-latest"),
    ("groq", "llama-3.3-70b-versatile"),
]


@st.composite
def usages(draw: st.DrawFn, *, audio: bool = False) -> Usage:
    """Usage whose parts fit into their wholes."""
    total = draw(st.integers(0, 2_000_000))
    read = draw(st.integers(0, total))
    write = draw(st.integers(0, total - read))
    output = draw(st.integers(0, 500_000))
    reasoning = draw(st.integers(0, output))
    spoken = draw(st.integers(0, total)) if audio else 0
    said = draw(st.integers(0, output - reasoning)) if audio else 0
    return Usage(total, output, read, write, reasoning, spoken, said)


@given(
    which=st.sampled_from(MODELS),
    usage=usages(),
    at=st.datetimes(datetime(2023, 1, 1), datetime(2026, 11, 21), timezones=st.just(UTC)),
)
def test_every_cost_is_what_the_book_itself_comes_to(
    which: tuple[str, str], usage: Usage, at: datetime
) -> None:
    provider, model = which
    mine = Pricing().price(Priced(provider, model), usage, at)
    theirs = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=usage.input_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            output_tokens=usage.output_tokens,
            output_reasoning_tokens=usage.reasoning_tokens,
        ),
        model,
        provider_id=provider,
        genai_request_timestamp=at,
    )
    assert mine is not None
    assert mine.amount == theirs.total_price


@given(usage=usages(audio=True))
def test_audio_is_priced_as_the_book_says(usage: Usage) -> None:
    assume(usage.cache_read_tokens == 0 or usage.input_audio_tokens == 0)
    mine = PRICING.price(Priced("openai", "gpt-4o-audio-preview"), usage, NOW)
    given_usage: dict[str, Any] = {
        "input_tokens": max(usage.input_tokens, usage.input_audio_tokens),
        "output_tokens": usage.output_tokens,
        "input_audio_tokens": usage.input_audio_tokens,
        "output_audio_tokens": usage.output_audio_tokens,
    }
    theirs = genai_prices.calc_price(
        genai_prices.Usage(**given_usage),
        "gpt-4o-audio-preview",
        provider_id="openai",
        genai_request_timestamp=NOW,
    )
    assert mine is not None
    assert mine.amount == theirs.total_price


@given(one=usages(), other=usages())
def test_two_usages_cost_together_what_each_costs(one: Usage, other: Usage) -> None:
    """Own prices have no tiers, so cost is a sum."""
    own = Prices(Decimal("0.14"), Decimal("0.28"), Decimal("0.014"), reasoning=Decimal("0.3"))
    what = Priced("self-hosted", "any", own=own)
    both = Usage(
        one.input_tokens + other.input_tokens,
        one.output_tokens + other.output_tokens,
        one.cache_read_tokens + other.cache_read_tokens,
        one.cache_write_tokens + other.cache_write_tokens,
        one.reasoning_tokens + other.reasoning_tokens,
    )
    apart = [PRICING.price(what, usage, NOW) for usage in (one, other)]
    together = PRICING.price(what, both, NOW)
    assert together is not None
    assert together.amount == sum(price.amount for price in apart if price is not None)


@given(
    counts=st.lists(st.integers(0, 10_000_000), min_size=7, max_size=7),
    which=st.sampled_from(MODELS),
)
def test_no_slip_of_a_provider_makes_a_cost_negative(
    counts: list[int], which: tuple[str, str]
) -> None:
    fields = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    more = ("reasoning_tokens", "input_audio_tokens", "output_audio_tokens")
    usage = Usage(**dict(zip(fields + more, counts, strict=True)))
    price = PRICING.price(Priced(*which), usage, NOW)
    assert price is not None
    assert price.amount >= 0


@pytest.mark.parametrize(
    "what",
    [
        Priced("openai", "gpt-99-imaginary"),
        Priced("nobody", "gpt-4o"),
        Priced("openai", "gpt-4o", base_url="http://127.0.0.1:11434/v1"),
        Priced("ollama", "llama3.2", base_url="http://127.0.0.1:11434/v1"),
        Priced("openai", ""),
        Priced("simulated", "simulated"),
    ],
)
def test_what_the_book_does_not_know_has_no_price(what: Priced) -> None:
    assert PRICING.price(what, Usage(1000, 1000), NOW) is None


def test_an_address_of_the_book_decides_which_provider_it_is() -> None:
    entry = PriceBook().find("openai", "openai/gpt-4o", "https://openrouter.ai/api/v1")
    assert entry is not None
    assert entry.provider.id == "openrouter"


def test_a_request_is_priced_by_its_day() -> None:
    usage, what = Usage(1_000_000, 1_000_000), Priced("openai", "o3")
    before = PRICING.price(what, usage, datetime(2025, 5, 1, tzinfo=UTC))
    after = PRICING.price(what, usage, NOW)
    assert before is not None
    assert after is not None
    assert (before.amount, after.amount) == (Decimal(50), Decimal(10))
    assert "2026-11-21" in after.source


def test_a_service_tier_has_its_own_price() -> None:
    usage = Usage(1_000_000, 1_000_000)
    found = {
        tier: PRICING.price(Priced("openai", "gpt-5-mini", service_tier=tier), usage, NOW)
        for tier in (None, "flex", "priority")
    }
    amounts = {tier: price.amount for tier, price in found.items() if price is not None}
    assert amounts == {
        None: Decimal("2.25"),
        "flex": Decimal("1.125"),
        "priority": Decimal("4.05"),
    }


def test_own_prices_go_before_the_book_and_cached_input_is_counted_once() -> None:
    own = Prices(Decimal("2.00"), Decimal("8.00"), cache_read=Decimal("0.50"))
    what = Priced("openai", "gpt-4o", own=own)
    price = PRICING.price(what, Usage(1200, 80, cache_read_tokens=1024), NOW)
    assert price is not None
    assert price.amount == (
        Decimal("2.00") * 176 + Decimal("0.50") * 1024 + Decimal("8.00") * 80
    ) / Decimal(1_000_000)
    assert price.source == "target"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (Decimal(0), "0"),
        (Decimal("0E-10"), "0"),
        (Decimal("1E-12"), "0.000000000001"),
        (Decimal("1E+3"), "1000"),
        (Decimal("1200"), "1200"),
        (Decimal("0.00011720"), "0.0001172"),
        (Decimal("0.00000014") * 1_000_000, "0.14"),
    ],
)
def test_amounts_are_written_out_plainly(amount: Decimal, text: str) -> None:
    assert amount_text(amount) == text


@given(st.decimals(0, 10**9, places=12))
def test_a_written_amount_reads_back_the_same(amount: Decimal) -> None:
    text = amount_text(amount)
    assert Decimal(text) == amount
    assert "E" not in text
    assert "e" not in text
