"""Every kind of usage has its price, and the package's own arithmetic comes to the same."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import genai_prices
import genai_prices.units
import pytest
from genai_prices.validation import validate_priced_units
from hypothesis import assume, given
from hypothesis import strategies as st

from service.money import dollars, picodollars, rounded
from service.price_book import Entry, PriceBook
from service.pricing import Priced, Pricing
from service.targets import Prices
from service.tokens import Usage
from tests.prices.usages import slips, usages

NOW = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
PRICING = Pricing()
ENTRIES = list(PriceBook())


def amount(what: Priced, usage: Usage, at: datetime = NOW) -> Decimal | None:
    price = PRICING.price(what, usage, at)
    return price.amount if price is not None else None


@given(
    entry=st.sampled_from(ENTRIES),
    usage=usages(),
    tier=st.sampled_from([None, "flex", "priority", "fast", "batch"]),
    at=st.datetimes(datetime(2024, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),
)
def test_whatever_the_book_prices_costs_what_the_package_itself_comes_to(
    entry: Entry, usage: Usage, tier: str | None, at: datetime
) -> None:
    mine = Pricing().price(Priced(entry.provider.id, entry.model.id, service_tier=tier), usage, at)
    assume(mine is not None)
    assert mine is not None
    found = PriceBook().find(entry.provider.id, entry.model.id)
    assert found is not None
    assert mine.amount == rounded(_theirs(found, usage, tier, at))


def _theirs(entry: Entry, usage: Usage, tier: str | None, at: datetime) -> Decimal:
    context = {"processing": "batch"} if tier == "batch" else {"service_tier": tier or ""}
    if tier == "fast":
        context["speed"] = "fast"
    counts: dict[str, Any] = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cache_read_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "cache_write_5m_tokens": usage.cache_write_tokens - usage.cache_write_1h_tokens,
        "cache_write_1h_tokens": usage.cache_write_1h_tokens,
        "output_reasoning_tokens": usage.reasoning_tokens,
        "input_audio_tokens": usage.input_audio_tokens,
        "output_audio_tokens": usage.output_audio_tokens,
        "input_image_tokens": usage.input_image_tokens,
        "output_image_tokens": usage.output_image_tokens,
        **_cached_parts(usage),
    }
    prices = entry.model.get_prices(at, context if entry.variants else None)
    return prices.calc_price(genai_prices.Usage(**counts))["total_price"]


def _cached_parts(usage: Usage) -> dict[str, int]:
    """Cached audio and images by the rule that text is cached first."""
    text = usage.input_tokens - usage.input_audio_tokens - usage.input_image_tokens
    text_left = max(0, text - usage.cache_write_tokens)
    audio_left = usage.input_audio_tokens - min(
        usage.input_audio_tokens, max(0, usage.cache_write_tokens - text)
    )
    beyond = max(0, usage.cache_read_tokens - text_left)
    audio = min(beyond, audio_left)
    return {"cache_audio_read_tokens": audio, "cache_image_read_tokens": beyond - audio}


@given(usage=slips(), entry=st.sampled_from(ENTRIES))
def test_nothing_costs_less_than_nothing(usage: Usage, entry: Entry) -> None:
    price = PRICING.price(Priced(entry.provider.id, entry.model.id), usage, NOW)
    if price is not None:
        assert price.amount >= 0
        assert price.saved_by_prompt_cache >= 0


def test_what_is_written_for_an_hour_costs_more() -> None:
    what = Priced("anthropic", "claude-sonnet-4-5")
    short = Usage(1_000_000, 0, cache_write_tokens=1_000_000)
    long = Usage(1_000_000, 0, cache_write_tokens=1_000_000, cache_write_1h_tokens=1_000_000)
    assert amount(Priced("anthropic", "claude-haiku-4-5"), short) == Decimal("1.25")
    assert amount(Priced("anthropic", "claude-haiku-4-5"), long) == Decimal(2)
    both = Usage(100_000, 0, cache_write_tokens=10_000, cache_write_1h_tokens=4_000)
    assert amount(what, both) == Decimal("0.3165")


def test_images_cost_what_images_cost() -> None:
    usage = Usage(1_000, 4_160, input_image_tokens=600, output_image_tokens=4_160)
    found = amount(Priced("openai", "gpt-image-1"), usage)
    assert found == (Decimal(400) * 5 + Decimal(600) * 10 + Decimal(4_160) * 40) / 1_000_000


def test_text_to_speech_is_priced_by_characters() -> None:
    assert amount(Priced("openai", "tts-1"), Usage(0, 0, characters=1_000)) == Decimal("0.015")


def test_speech_to_text_is_priced_by_seconds() -> None:
    whisper = Priced("openai", "whisper-1")
    assert amount(whisper, Usage(0, 0, seconds=Decimal(60))) == Decimal("0.006")
    assert amount(whisper, Usage(0, 0, seconds=Decimal("0.5"))) == Decimal("0.00005")


def test_a_third_of_a_cent_is_rounded_once() -> None:
    """An hour for $0.111, three times twenty minutes: no more and no less."""
    twenty_minutes = Usage(0, 0, seconds=Decimal(1200))
    found = amount(Priced("groq", "whisper-large-v3"), twenty_minutes)
    assert found == Decimal("0.037")
    assert amount(Priced("groq", "whisper-large-v3"), Usage(0, 0, seconds=Decimal(100))) == rounded(
        Decimal("11.1") / 3600
    )


@pytest.mark.parametrize("model", ["whisper-large-v3", "whisper-large-v3-turbo"])
@pytest.mark.parametrize("seconds", ["0.2", "10", "11.5"])
def test_the_least_that_is_billed_is_the_packages(model: str, seconds: str) -> None:
    theirs = genai_prices.calc_price(
        genai_prices.Usage(audio_seconds=Decimal(seconds), input_audio_seconds=Decimal(seconds)),
        model,
        provider_id="groq",
        genai_request_timestamp=NOW,
    )
    mine = amount(Priced("groq", model), Usage(0, 0, seconds=Decimal(seconds)))
    assert mine == rounded(theirs.total_price)


def test_a_request_can_have_a_price_of_its_own() -> None:
    own = Prices(Decimal(1), thousand_requests=Decimal(5))
    assert amount(Priced("any", "x", own=own), Usage(1_000_000, 0)) == Decimal("1.005")
    assert amount(Priced("perplexity", "sonar"), Usage(0, 0)) is not None


def test_a_batch_costs_what_the_book_says_of_batches() -> None:
    usage = Usage(1_000_000, 1_000_000, cache_read_tokens=500_000)
    plain = amount(Priced("anthropic", "claude-haiku-4-5"), usage)
    batch = amount(Priced("anthropic", "claude-haiku-4-5", batch=True), usage)
    told = amount(Priced("anthropic", "claude-haiku-4-5", service_tier="batch"), usage)
    assert plain is not None
    assert batch == told == plain / 2


def test_a_long_input_makes_all_tokens_dearer() -> None:
    what = Priced("google", "gemini-2.5-pro")
    assert amount(what, Usage(200_000, 1_000)) == Decimal("0.26")
    assert amount(what, Usage(200_001, 1_000)) == Decimal("0.5150025")


@pytest.mark.parametrize(
    ("model", "usage"),
    [
        ("whisper-1", Usage(100, 100)),
        ("tts-1", Usage(100, 0)),
        ("tts-1", Usage(0, 0, seconds=Decimal(3))),
        ("gpt-4o", Usage(0, 0, characters=100)),
        ("gpt-4o", Usage(0, 0, seconds=Decimal(3))),
    ],
)
def test_what_the_model_has_no_price_for_is_unpriced_and_not_free(model: str, usage: Usage) -> None:
    assert amount(Priced("openai", model), usage) is None


def test_the_state_of_having_a_price_is_known_before_the_call() -> None:
    assert PRICING.knows(Priced("openai", "gpt-4o"), NOW)
    assert not PRICING.knows(Priced("openai", "gpt-99-imaginary"), NOW)
    assert not PRICING.knows(Priced("openai", "whisper-1"), NOW)
    assert PRICING.knows(Priced("own", "any", own=Prices(Decimal(0))), NOW)


def test_cached_tokens_save_what_plain_input_costs_more() -> None:
    price = PRICING.price(Priced("openai", "gpt-4o"), Usage(1_200, 0, 1_024), NOW)
    assert price is not None
    assert price.saved_by_prompt_cache == Decimal("1.25") * 1_024 / 1_000_000
    written = PRICING.price(
        Priced("anthropic", "claude-haiku-4-5"), Usage(1_000, 0, cache_write_tokens=1_000), NOW
    )
    assert written is not None
    assert written.saved_by_prompt_cache == 0


def test_a_cache_that_costs_more_than_input_saves_nothing() -> None:
    own = Prices(Decimal(1), cache_read=Decimal(2))
    price = PRICING.price(Priced("own", "any", own=own), Usage(1_000, 0, 1_000), NOW)
    assert price is not None
    assert price.saved_by_prompt_cache == 0


def test_a_million_requests_of_a_few_nanodollars_add_up_exactly() -> None:
    own = Prices(Decimal("0.14"))
    price = PRICING.price(Priced("own", "tiny", own=own), Usage(1, 0), NOW)
    assert price is not None
    assert price.amount == Decimal("0.00000014")
    each = picodollars(price.amount)
    assert each == 140_000
    total = 0
    for _ in range(1_000_000):
        total += each
    assert dollars(total) == Decimal("0.14")
    drifted = 0.0
    for _ in range(1_000_000):
        drifted += 0.00000014
    assert drifted != 0.14, "doubles would have done, and this test would show nothing"


def test_the_books_prices_can_all_be_taken_apart() -> None:
    """No combination of kinds is left to our rule for those without a price of their own."""
    registry = genai_prices.units._get_registry()  # pyright: ignore[reportPrivateUsage]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for entry in ENTRIES:
            for _, prices in entry.periods():
                units = [registry.units[price.unit.kind] for price in prices]
                validate_priced_units(units, registry)
