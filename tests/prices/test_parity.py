"""Our price book beside another one: each difference has a reason, each reason a difference."""

from __future__ import annotations

from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version

import pytest

from service.price_book import PriceBook
from stack.binaries.settings import BuildSettings
from tests.prices.comparison import PROVIDERS, Comparison, compare
from tests.prices.differences import UNEXPLAINED, known, regrouped
from tests.prices.other_book import data_file, read

AGREEING = 2_000
"""At the least: a comparison that finds nothing to compare would show nothing."""


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    path = data_file(BuildSettings.from_environment().cache)
    return compare(read(path), PriceBook())


def test_every_difference_is_known_with_a_reason(comparison: Comparison) -> None:
    groups = regrouped(known(), comparison.differences)
    new = groups[UNEXPLAINED].differences if UNEXPLAINED in groups else ()
    assert not new, "find out why, then see tests/prices/differences.py:\n" + "\n".join(new)


def test_no_known_difference_is_one_no_more(comparison: Comparison) -> None:
    found = set(comparison.differences)
    gone = [line for group in known().values() for line in group.differences if line not in found]
    assert not gone, "run python -m tests.prices.differences:\n" + "\n".join(gone)


def test_each_difference_is_there_once_and_each_group_says_why() -> None:
    lines = [line for group in known().values() for line in group.differences]
    assert len(lines) == len(set(lines))
    for name, group in known().items():
        assert len(group.reason) > 30, name


def test_what_is_compared_is_most_of_what_there_is(comparison: Comparison) -> None:
    assert comparison.agreeing >= AGREEING
    assert len(comparison.differences) < comparison.agreeing


def test_every_price_the_other_book_states_is_compared_or_known_not_to_be(
    comparison: Comparison,
) -> None:
    assert comparison.unknown_fields == frozenset()


def test_the_providers_compared_are_in_both_books() -> None:
    ours = {entry.provider.id for entry in PriceBook()}
    assert {provider for provider, _ in PROVIDERS.values()} <= ours


def test_the_other_book_is_not_installed() -> None:
    with pytest.raises(PackageNotFoundError):
        version("litellm")


def test_a_changed_price_would_be_found() -> None:
    model = {"litellm_provider": "openai", "input_cost_per_token": Decimal("0.000003")}
    lines = compare({"gpt-4o": model}, PriceBook()).differences
    assert "gpt-4o input: 2.5 here, 3 there" in lines
    assert "gpt-4o output: 10 here, none there" in lines
