"""Budgets that send requests to a cheaper model."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.budgets.telling import budget_headers
from service.errors import BudgetExceeded
from tests.budgets.building import Rig, rig

ROUTING = """
budgets:
  - name: everything
    window: day
    limit: {usd: "0.000000001000"}
    actions: [{at: 50, do: route, model: distant}, {at: 95, do: route, model: cheap}{REFUSE}]
"""
REFUSE = ", {at: 100, do: refuse}"


def text(refuse: bool) -> str:
    return ROUTING.replace("{REFUSE}", REFUSE if refuse else "")


async def spend(books: Rig, amount: int) -> None:
    await books.settle(await books.reserve(0), amount)


@pytest.mark.parametrize(("spent", "route"), [(499, None), (500, "distant"), (950, "cheap")])
async def test_from_a_threshold_on_requests_go_to_its_model(
    redis_url: str, tmp_path: Path, spent: int, route: str | None
) -> None:
    async with rig(redis_url, tmp_path, text(refuse=False)) as books:
        await spend(books, spent)
        lease = await books.reserve(10)
        assert (lease.route, bool(lease.holds)) == (route, route is None)


@pytest.mark.parametrize(
    ("asked", "spent", "route"),
    [("distant", 949, None), ("distant", 950, "cheap"), ("cheap", 950, None), ("cheap", 500, None)],
)
async def test_a_request_for_one_of_the_routes_never_goes_back_to_a_dearer_one(
    redis_url: str, tmp_path: Path, asked: str, spent: int, route: str | None
) -> None:
    async with rig(redis_url, tmp_path, text(refuse=False)) as books:
        await spend(books, spent)
        assert (await books.reserve(10, model=asked)).route == route


async def test_a_routed_request_is_reserved_again_and_not_routed_twice(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, text(refuse=True)) as books:
        await spend(books, 600)
        first = await books.reserve(300)
        second = await books.reserve(3, model="distant", replacing=first)
        assert (second.route, second.routed_by) == ("distant", "everything")
        assert budget_headers(second)["x-gaugeway-budget-routed"] == 'everything="distant"'
        await spend_more(books)
        fallback = await books.reserve(2, model="distant", replacing=second)
        assert (fallback.route, bool(fallback.holds)) == ("distant", True)


async def spend_more(books: Rig) -> None:
    lease = await books.reserve(1, model="cheap")
    await books.settle(lease, 360)


async def test_a_request_that_does_not_fit_tries_the_cheaper_model_before_it_is_refused(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, text(refuse=True)) as books:
        held = await books.reserve(900)
        routed = await books.reserve(200)
        assert routed.route == "cheap"
        with pytest.raises(BudgetExceeded):
            await books.reserve(101, model="cheap", replacing=routed)
        fits = await books.reserve(100, model="cheap", replacing=routed)
        assert (await books.window(held))["reserved"] == "1000"
        assert fits.route == "cheap"


async def test_what_was_held_is_given_back_when_a_request_is_routed(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, text(refuse=False)) as books:
        held = await books.reserve(100)
        await spend(books, 700)
        routed = await books.reserve(100, replacing=held)
        assert (routed.route, routed.holds) == ("distant", ())
        assert (await books.window(held))["reserved"] == "0"


async def test_requests_for_another_operation_are_not_routed(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, text(refuse=False)) as books:
        await spend(books, 990)
        fields = {"input": "hi"}
        lease = await books.reserve(1, model="vectors", operation="embeddings", fields=fields)
        assert lease.route is None
