"""Answers name the model that is billed, the operator's file the one that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from otel.inference import Operation
from otel.testing import recorded
from service.price_file import load_price_file
from service.price_list import PriceList
from service.pricing import Pricing
from service.settlement import Settlement
from service.targets import load_targets
from service.tokens import Usage

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
TARGETS = """
targets:
  openai:
    provider: openai
    base_url: https://api.openai.com/v1
    api_key_env: KEY
    models:
      gpt-4o: {}
      stated: {model: gpt-4o, prices: {input: 7}}
      fine-tuned: {model: nobody-knows-its-price}
"""
OWN = "models: [{provider: openai, model: gpt-4o, prices: {input: 1}}]"

Cost = Callable[..., Decimal | None]


@pytest.fixture
def cost(tmp_path: Path) -> Cost:
    """What a million tokens asked of a model cost, under a price file, when this one answers."""
    path = tmp_path / "targets.yaml"
    path.write_text(TARGETS)
    targets = load_targets(path, credentials={"KEY": "sk-none"})

    def cost(
        answered: str, *, asked: str = "gpt-4o", file: str = "", at: datetime = NOON
    ) -> Decimal | None:
        prices = tmp_path / "prices.yaml"
        prices.write_text(file)
        settlement = Settlement(Pricing(PriceList(file=load_price_file(prices))), targets)
        with recorded() as telemetry:
            inference = telemetry.telemetry.inference(Operation("chat", "openai", asked))
            with inference:
                inference.response(model=answered)
                used = Usage(1_000_000, 0)
                bill = settlement.settle(inference, targets.models[asked][0], used, at)
        return bill.cost

    return cost


def test_the_model_that_answered_is_billed_by_the_book(cost: Cost) -> None:
    assert cost("gpt-4o-2024-05-13") == 5
    assert cost("gpt-4o-2024-08-06") == Decimal("2.5")
    assert cost("a-name-of-their-own") == Decimal("2.5")


@pytest.mark.parametrize("answered", ["gpt-4o", "gpt-4o-2024-05-13", "a-name-of-their-own"])
def test_a_price_in_the_file_is_for_what_was_asked_whatever_dated_name_answers(
    cost: Cost, answered: str
) -> None:
    assert cost(answered, file=OWN) == 1


def test_a_price_in_the_file_can_be_for_what_answered(cost: Cost) -> None:
    dated = "models: [{provider: openai, model: gpt-4o-2024-05-13, prices: {input: 3}}]"
    assert cost("gpt-4o-2024-05-13", file=dated) == 3
    assert cost("gpt-4o-2024-08-06", file=dated) == Decimal("2.5")
    both = OWN.removesuffix("]") + ", " + dated.removeprefix("models: [")
    assert cost("gpt-4o-2024-05-13", file=both) == 3


def test_a_model_that_only_the_file_knows_has_its_price_under_any_name(cost: Cost) -> None:
    file = "models: [{provider: openai, model: nobody-*, prices: {input: 2}}]"
    assert cost("another", asked="fine-tuned", file=file) == 2
    assert cost("another", asked="fine-tuned") is None


def test_a_discount_is_for_what_was_asked_too(cost: Cost) -> None:
    file = "discounts: [{provider: openai, model: gpt-4o, percent: 50}, {percent: 10}]"
    assert cost("gpt-4o-2024-05-13", file=file) == Decimal("2.5")


def test_a_target_that_states_its_prices_is_asked_for_no_other(cost: Cost) -> None:
    assert cost("gpt-4o-2024-05-13", asked="stated", file=OWN) == 7


def test_a_request_costs_what_it_cost_when_it_was_asked(cost: Cost) -> None:
    file = OWN[:-2] + ", from: 2026-12-01}]"
    midnight = datetime(2026, 12, 1, tzinfo=UTC)
    assert cost("gpt-4o", file=file, at=midnight - timedelta(microseconds=1)) == Decimal("2.5")
    assert cost("gpt-4o", file=file, at=midnight) == 1


def test_requests_are_bounded_by_the_dearest_model_that_answered_before(tmp_path: Path) -> None:
    path = tmp_path / "targets.yaml"
    path.write_text(TARGETS)
    targets = load_targets(path, credentials={"KEY": "sk-none"})
    settlement = Settlement(Pricing(), targets)
    target = targets.models["gpt-4o"][0]

    def bound() -> Decimal | None:
        return settlement.bound(target, input_tokens=1_000_000, output_tokens=0, at=NOON)

    def answer(model: str) -> Decimal | None:
        with recorded() as telemetry:
            inference = telemetry.telemetry.inference(Operation("chat", "openai", "gpt-4o"))
            with inference:
                inference.response(model=model)
                return settlement.settle(inference, target, Usage(1_000_000, 0), NOON).cost

    before, cost = bound(), answer("gpt-4o-2024-05-13")
    assert before is not None
    assert cost == 5
    for number in range(20):
        answer(f"gpt-4o-{number}")
    after = bound()
    assert after is not None
    assert after >= cost
