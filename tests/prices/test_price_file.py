"""The operator's own prices: before the book, on their days, and refused whole when in doubt."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from textwrap import dedent

import pytest

from service.price_book import PriceBook
from service.price_file import PriceFileError, load_price_file
from service.price_list import PriceList
from service.pricing import Price, Priced, Pricing
from service.targets import Prices
from service.tokens import Usage

NOVEMBER = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
BOOK = PriceBook()
MILLION = Usage(1_000_000, 1_000_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "prices.yaml"


def pricing(path: Path, text: str) -> Pricing:
    path.write_text(dedent(text))
    return Pricing(PriceList(BOOK, load_price_file(path)))


def cost(prices: Pricing, what: Priced, usage: Usage = MILLION, at: datetime = NOVEMBER) -> Price:
    price = prices.price(what, usage, at)
    assert price is not None
    return price


def refused(path: Path, text: str) -> str:
    path.write_text(dedent(text))
    with pytest.raises(PriceFileError) as raised:
        load_price_file(path)
    return str(raised.value)


def test_a_self_hosted_model_costs_what_its_operator_says(path: Path) -> None:
    prices = pricing(
        path,
        """
        models:
          - provider: vllm
            model: llama-3.3-70b
            source: hardware lease 2026
            prices: {input: 0.10, output: 0.40, cache_read: 0.01}
        """,
    )
    what = Priced("vllm", "llama-3.3-70b", base_url="http://127.0.0.1:8000/v1")
    usage = Usage(1_000_000, 1_000_000, cache_read_tokens=500_000)
    found = cost(prices, what, usage)
    assert found.amount == Decimal("0.455")
    assert found.saved_by_prompt_cache == Decimal("0.045")
    assert found.source == (
        "prices.yaml models.0 vllm/llama-3.3-70b (hardware lease 2026) 2026-11-21"
    )
    assert prices.price(Priced("vllm", "another"), MILLION, NOVEMBER) is None


def test_an_override_goes_before_the_book_under_all_the_providers_names(path: Path) -> None:
    prices = pricing(
        path,
        """
        models:
          - {provider: azure, model: gpt-4o, prices: {input: 1, output: 2}}
          - {provider: gcp.gemini, model: gemini-2.5-flash, prices: {input: 3, output: 4}}
        """,
    )
    assert cost(prices, Priced("azure.ai.openai", "GPT-4o")).amount == 3
    assert cost(prices, Priced("google", "gemini-2.5-flash")).amount == 7
    assert cost(prices, Priced("openai", "gpt-4o")).amount == Decimal("12.5")


def test_a_target_that_states_its_prices_goes_before_the_file(path: Path) -> None:
    prices = pricing(
        path, "models: [{provider: openai, model: '*', prices: {input: 1, output: 1}}]"
    )
    own = Prices(Decimal(5), Decimal(5))
    assert cost(prices, Priced("openai", "gpt-4o", own=own)).amount == 10


def test_a_price_has_its_days_and_the_book_the_others(path: Path) -> None:
    prices = pricing(
        path,
        """
        models:
          - {provider: openai, model: gpt-4o, prices: {input: 1, output: 0},
             from: 2026-12-01, until: 2026-12-31}
        """,
    )
    what = Priced("openai", "gpt-4o")
    days = ["2026-11-30T23:59", "2026-12-01T00:00", "2026-12-31T23:59", "2027-01-01T00:00"]
    amounts = [
        cost(prices, what, at=datetime.fromisoformat(day).replace(tzinfo=UTC)).amount
        for day in days
    ]
    assert amounts == [Decimal("12.5"), 1, 1, Decimal("12.5")]


def test_of_several_prices_the_one_that_began_last_counts(path: Path) -> None:
    prices = pricing(
        path,
        """
        models:
          - {provider: own, model: m, prices: {input: 1}}
          - {provider: own, model: m, prices: {input: 3}, from: 2026-11-21}
          - {provider: own, model: m, prices: {input: 2}, from: 2026-06-01}
        """,
    )
    found = [
        cost(prices, Priced("own", "m"), at=datetime(2026, month, 21, tzinfo=UTC)).amount
        for month in (5, 6, 10, 11)
    ]
    assert found == [1, 2, 2, 3]


def test_a_whole_name_goes_before_a_pattern_and_a_longer_pattern_before_a_shorter(
    path: Path,
) -> None:
    prices = pricing(
        path,
        """
        models:
          - {provider: own, model: "*", prices: {input: 1}}
          - {provider: own, model: "llama-*-70b", prices: {input: 2}}
          - {provider: own, model: llama-3.3-70b, prices: {input: 3}}
        """,
    )
    found = {
        model: cost(prices, Priced("own", model)).amount
        for model in ("qwen", "llama-3.1-70b", "llama-3.3-70b", "llama-3x3-70b")
    }
    assert list(found.values()) == [1, 2, 3, 2]


def test_long_inputs_service_tiers_and_batches_can_have_prices_of_their_own(path: Path) -> None:
    prices = pricing(
        path,
        """
        models:
          - provider: own
            model: m
            prices: {input: 1, output: 4}
            above:
              100_000: {input: 2}
              500_000: {input: 3, output: 8}
            service_tiers:
              flex: {input: 0.5}
            batch: {input: 0.25, output: 1}
        """,
    )
    short, long = Usage(100_000, 100_000), Usage(200_000, 100_000)
    what, flex = Priced("own", "m"), Priced("own", "m", service_tier="flex")
    assert cost(prices, what, short).amount == Decimal("0.5")
    assert cost(prices, what, long).amount == Decimal("0.8")
    assert cost(prices, what).amount == 11
    assert cost(prices, flex, long).amount == Decimal("0.5")
    assert cost(prices, flex).amount == Decimal("8.5")
    assert cost(prices, Priced("own", "m", batch=True)).amount == Decimal("1.25")


def test_other_things_than_tokens_have_prices_too(path: Path) -> None:
    prices = pricing(
        path,
        """
        models:
          - provider: own
            model: voice
            prices: {million_characters: 15, audio_hour: 0.36, thousand_requests: 2}
        """,
    )
    usage = Usage(0, 0, characters=1_000, seconds=Decimal(90))
    assert cost(prices, Priced("own", "voice"), usage).amount == Decimal("0.026")


def test_a_discount_is_taken_off_the_list_price_and_told(path: Path) -> None:
    prices = pricing(
        path,
        """
        discounts:
          - {provider: openai, percent: 12.5, source: contract 4711}
          - {provider: openai, model: "gpt-4o-*", percent: 50, until: 2026-12-31}
          - {percent: 1}
        """,
    )
    found = cost(prices, Priced("openai", "gpt-4o"))
    assert found.amount == Decimal("10.9375")
    assert found.source.endswith("openai/gpt-4o 2026-11-21, less 12.5 % (contract 4711)")
    assert cost(prices, Priced("openai", "gpt-4o-mini")).amount == Decimal("0.375")
    later = datetime(2027, 1, 1, tzinfo=UTC)
    mini = cost(prices, Priced("openai", "gpt-4o-mini"), at=later)
    assert mini.amount == Decimal("0.65625")
    assert cost(prices, Priced("deepseek", "deepseek-chat")).source.endswith("% (the price file)")


def test_an_own_price_has_no_discount(path: Path) -> None:
    prices = pricing(
        path,
        """
        models: [{provider: openai, model: gpt-4o, prices: {input: 1, output: 1}}]
        discounts: [{percent: 50}]
        """,
    )
    assert cost(prices, Priced("openai", "gpt-4o")).amount == 2


def test_a_discount_is_on_every_kind_and_tier(path: Path) -> None:
    half = pricing(path, "discounts: [{provider: google, percent: 50}]")
    what = Priced("google", "gemini-2.5-pro")
    usage = Usage(300_000, 1_000, cache_read_tokens=100_000)
    whole = cost(Pricing(PriceList(BOOK)), what, usage)
    found = cost(half, what, usage)
    assert found.amount == whole.amount / 2
    assert found.saved_by_prompt_cache == whole.saved_by_prompt_cache / 2


def test_prices_are_exact_however_they_are_written(path: Path) -> None:
    prices = pricing(
        path,
        """
        models:
          - {provider: own, model: a, prices: {input: 0.1, output: 0.2}}
          - {provider: own, model: b, prices: {input: "0.1", output: "0.2"}}
        """,
    )
    for model in ("a", "b"):
        assert cost(prices, Priced("own", model), Usage(3, 1)).amount == Decimal("0.0000005")


def test_an_empty_file_changes_nothing(path: Path) -> None:
    assert cost(pricing(path, ""), Priced("openai", "gpt-4o")).amount == Decimal("12.5")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("models: [{provider: a, model: b}]", "models.0 (a b).prices: Field required"),
        ("models: [{provider: a, model: b, prices: {}}]", "states no price; write at least one"),
        (
            "models: [{provider: a, model: b, prices: {input: 1, inputs: 2}}]",
            "models.0 (a b).prices.inputs: there is no such setting",
        ),
        ("models: [{provider: a, model: b, prices: {input: -1}}]", "models.0 (a b).prices.input"),
        ("models: [{provider: a, model: b, prices: {input: .nan}}]", "models.0 (a b).prices.input"),
        ("models: [{provider: a, model: b, prices: {input: yes}}]", "is a number, not true"),
        ("models: [{provider: a, model: b, prices: {cache_read: 1}}]", "write input too"),
        (
            "models: [{provider: a, model: b, prices: {input: 1}, above: {9: {output: 1}}}]",
            "above.9 states output, prices does not",
        ),
        (
            "models: [{provider: a, model: b, prices: {input: 1}, from: 2026-02-02, "
            "until: 2026-01-01}]",
            "ends on 2026-01-01, before it begins",
        ),
        (
            "models: [{provider: a, model: b, prices: {input: 1}, from: 2026-02-30}]",
            "models.0 (a b).from",
        ),
        (
            "models: [{provider: a, model: b, prices: {input: 1}}, "
            "{provider: A, model: B, prices: {input: 2}}]",
            "models.0 and models.1 are both for a b without a from; remove one",
        ),
        ("discounts: [{percent: 101}]", "discounts.0.percent: Input should be less than"),
        ("discounts: [{percent: 0}]", "discounts.0.percent"),
        ("discounts: [{model: gpt-4o, percent: 5}]", "write whose it is"),
        ("discounts: [{percent: 5}, {percent: 6}]", "are both for * *"),
        ("model: []", "model: there is no such setting"),
        ("[]", "(whole): Input should be"),
        ("models: {}", "models: Input should be a valid list"),
        ("models: [1]", "models.0: Input should be"),
        ("models: [", "is not valid YAML"),
        ("models: []\nmodels: []", "the key 'models' is there twice"),
    ],
)
def test_a_file_with_any_fault_is_refused_and_says_where(path: Path, text: str, said: str) -> None:
    message = refused(path, text)
    assert said in message
    assert str(path) in message


def test_all_faults_are_told_at_once(path: Path) -> None:
    message = refused(
        path,
        """
        models:
          - {provider: a, model: good, prices: {input: 1}}
          - {provider: a, model: bad, prices: {input: x}}
        discounts:
          - {provider: a, percent: none}
        """,
    )
    assert "models.1 (a bad).prices.input" in message
    assert "discounts.0 (a).percent" in message


def test_a_file_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(PriceFileError, match=r"No such file.+GAUGEWAY_PRICES"):
        load_price_file(tmp_path / "nowhere.yaml")
    (tmp_path / "latin").write_bytes(b"models: [{provider: \xe9}]")
    with pytest.raises(PriceFileError, match="is not UTF-8 text"):
        load_price_file(tmp_path / "latin")
