"""Where budgets stand: documents and metrics."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from otel import names
from service.redis_store import StoreUnavailable
from tests.budgets.building import Rig, rig

FILE = """
budgets:
  - {name: everything, window: day, limit: {usd: "10"}, actions: [{at: 80, do: warn}]}
  - {name: each-app, scope: app, window: hour, limit: {requests: 10}, time_zone: UTC}
  - {name: dear, scope: model, value: dear, window: month, limit: {tokens: 1000}}
  - {name: far, scope: provider, value: elsewhere, window: month, limit: {tokens: 1000}}
  - {name: each-user, scope: user, window: day, limit: {usd: "1"}, actions: [{at: 80, do: warn}]}
"""
DOLLAR = 10**12


async def used(rig: Rig) -> None:
    for app, user, cost in (("shop", "ann", 2), ("shop", "bob", 1), ("help", "ann", 5)):
        lease = await rig.reserve(DOLLAR, app=app, user=user, fields={"max_tokens": 1})
        await rig.settle(lease, cost * DOLLAR // 8, tokens=100)
    await rig.reserve(3 * DOLLAR, app="help")


async def test_each_budget_tells_of_its_present_window(redis_url: str, tmp_path: Path) -> None:
    async with rig(redis_url, tmp_path, FILE) as books:
        await used(books)
        whole, shop, helping, dear, far, users = await books.budgets.states()
    assert whole.model_dump() == {
        "name": "everything",
        "scope": "whole",
        "value": None,
        "window": "day",
        "time_zone": "Europe/Berlin",
        "unit": "usd",
        "starts_at": "2096-11-21T00:00:00+01:00",
        "resets_at": "2096-11-22T00:00:00+01:00",
        "limit": "10",
        "spent": "1",
        "reserved": "3",
        "remaining": "6",
        "used_percent": 10.0,
        "forecast": "1.846153",
        "denials": 0,
        "level": "ok",
        "users": (),
    }
    assert [(s.value, s.spent, s.reserved, s.remaining) for s in (shop, helping)] == [
        ("shop", "2", "0", "8"),
        ("help", "1", "1", "8"),
    ]
    assert shop.starts_at == "2096-11-21T12:00:00+00:00"
    assert (dear.value, dear.spent, far.value, far.spent) == ("dear", "300", "elsewhere", "0")
    assert (users.value, users.spent, users.level) == (None, "0.875", "warning")
    assert [(u.percent, u.users) for u in users.users] == [(80, 0)]


async def test_a_forecast_comes_when_a_twentieth_of_the_window_is_over(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, FILE) as books:
        books.clock.pass_seconds(11 * 3600)
        for seconds, expected in ((0, None), (71 * 60, None), (60, "10"), (12 * 3600, "0.90909")):
            books.clock.pass_seconds(seconds)
            if not seconds:
                await books.settle(await books.reserve(0), DOLLAR // 2)
            (whole, *_) = await books.budgets.states()
            assert whole.forecast == expected, seconds


async def test_windows_nobody_used_are_told_of_too(redis_url: str, tmp_path: Path) -> None:
    async with rig(redis_url, tmp_path, FILE) as books:
        states = await books.budgets.states()
    assert [(state.name, state.spent, state.level) for state in states] == [
        ("everything", "0", "ok"),
        ("dear", "0", "ok"),
        ("far", "0", "ok"),
        ("each-user", "0", "ok"),
    ]


async def test_what_a_crash_left_behind_is_given_back_without_a_request(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, FILE) as books:
        await books.reserve(DOLLAR)
        books.clock.pass_seconds(61)
        (whole, app, *_) = await books.budgets.states()
        assert (whole.reserved, app.reserved) == ("0", "0")


async def test_without_redis_nothing_is_told(tmp_path: Path) -> None:
    async with rig("redis://127.0.0.1:1/0", tmp_path, FILE, empty=False) as books:
        with pytest.raises(StoreUnavailable):
            await books.budgets.states()


async def test_metrics_tell_of_budgets_and_of_no_user(redis_url: str, tmp_path: Path) -> None:
    async with rig(redis_url, tmp_path, FILE) as books:
        await used(books)
        await books.budgets.start()
        for _ in range(500):
            if names.BUDGET_SPENT.name in books.telemetry.metrics():
                break
            await asyncio.sleep(0.01)
        metrics = books.telemetry.metrics()
    spent = {
        (point.attributes["gaugeway.budget.name"], point.attributes.get("gaugeway.budget.value")): (
            point.value,
            point.attributes["gaugeway.budget.unit"],
        )
        for point in metrics[names.BUDGET_SPENT.name]
    }
    assert spent == {
        ("everything", None): (1.0, "usd"),
        ("each-app", "shop"): (2.0, "requests"),
        ("each-app", "help"): (1.0, "requests"),
        ("dear", "dear"): (300.0, "tokens"),
        ("far", "elsewhere"): (0.0, "tokens"),
    }
    for metric, value in (
        (names.BUDGET_LIMIT, 10.0),
        (names.BUDGET_RESERVED, 3.0),
        (names.BUDGET_REMAINING, 6.0),
    ):
        (whole,) = [
            point
            for point in metrics[metric.name]
            if point.attributes["gaugeway.budget.name"] == "everything"
        ]
        assert whole.value == value
    (users,) = metrics[names.BUDGET_USERS.name]
    assert dict(users.attributes) == {
        "gaugeway.budget.name": "each-user",
        "gaugeway.budget.threshold": 80,
    }
    assert names.BUDGET_FORECAST.name in metrics
