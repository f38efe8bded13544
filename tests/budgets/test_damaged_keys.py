"""A budget whose keys hold something else is not asked; the others are, as if it were not there."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from otel import attributes as a
from otel import names
from service.budgets import budgets as module
from service.budgets.thresholds import EVENT
from service.errors import BudgetExceeded, BudgetsUnavailable
from service.redis_keys import DamagedKey
from tests.budgets.building import Rig, rig

FILE = """
budgets:
  - name: whole
    window: day
    limit: {usd: "0.000000001000"}
    actions: [{at: 50, do: warn}, {at: 100, do: refuse}]
  - name: damaged
    scope: user
    window: day
    limit: {usd: "1"}
    actions: [{at: 80, do: warn}, {at: 100, do: refuse}]
  - name: each-app
    scope: app
    window: day
    limit: {requests: 3}
    actions: [{at: 50, do: warn}, {at: 100, do: refuse}]
"""
WINDOW, LEASES, EXPIRY = "{}", "{}:leases", "{}:expiry"
VALUES, COUNTS = "{shared}#values", "{shared}#counts"
DAMAGE = {
    "window's type": (WINDOW, ("SET", "x")),
    "window's spent": (WINDOW, ("HSET", "spent", "1 2")),
    "window's reserved": (WINDOW, ("HSET", "reserved", "1.5")),
    "window's denials": (WINDOW, ("HSET", "denials", "x")),
    "leases' type": (LEASES, ("RPUSH", "x")),
    "expiry's type": (EXPIRY, ("SET", "x")),
    "values' type": (VALUES, ("HSET", "x", "1")),
    "counts' type": (COUNTS, ("SADD", "x")),
}

ASKED = ("window's denials", "counts' type")
"""Of these nothing is needed to ask the budget."""
NOT_ASKED = [name for name in DAMAGE if name not in ASKED]


async def send(books: Rig, *command: Any) -> Any:
    async def run(client: Any) -> Any:
        return await client.execute_command(*command)

    return await books.store.run("a test's command", run)


async def damage(books: Rig, name: str) -> str:
    """Use the budget once, then put something else into one of its keys; the key."""
    lease = await books.reserve(1, user="ann")
    window = next(hold.key for hold in lease.holds if hold.budget == "damaged")
    await books.settle(lease, 1)
    form, (command, *rest) = DAMAGE[name]
    key = form.format(window, shared=window.rpartition(":")[0])
    if command != "HSET" or form == VALUES:
        await send(books, "DEL", key)
    await send(books, command, key, *rest)
    return key


async def everything(books: Rig, name: str) -> dict[str, dict[str, str] | int]:
    """All keys of a budget, and what is in them."""
    found: dict[str, dict[str, str] | int] = {}
    for key in await send(books, "KEYS", f"*budget:{name}:*"):
        if await send(books, "TYPE", key) == b"hash":
            found[key.decode()] = await books.hash(key.decode())
        else:
            found[key.decode()] = await send(books, "ZCARD", key)
    return found


@pytest.mark.parametrize("name", NOT_ASKED)
async def test_the_other_budgets_are_asked_and_the_request_goes_on(
    redis_url: str, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(redis_url, tmp_path, FILE) as books:
        key = await damage(books, name)
        lease = await books.reserve(600, user="ann")
        held = {hold.budget: hold for hold in lease.holds}
        assert held["damaged"].lease is None
        assert (held["whole"].spent, held["whole"].reserved) == (1, 600)
        assert (held["each-app"].spent, held["each-app"].reserved) == (1, 1)
        whole = await books.hash(held["whole"].key)
        assert (whole["spent"], whole["reserved"]) == ("1", "600")
        with pytest.raises(BudgetExceeded, match="'whole'"):
            await books.reserve(600, user="ann")
        assert books.telemetry.value(names.BUDGET_UNCHECKED) == 1
        await books.settle(lease, 600)
        assert books.budgets.settled(lease) is not None
        # The third and last of the app's three.
        await books.settle(await books.reserve(1, user="ann"), 1)
        with pytest.raises(BudgetExceeded, match="'each-app'"):
            await books.reserve(1, user="ann")
        assert (await books.hash(held["whole"].key))["spent"] == "602"
        assert (await books.hash(held["whole"].key))["reserved"] == "0"
    said = [line for line in caplog.messages if key in line and "not asked" in line]
    assert len(said) == 1, caplog.messages
    # A threshold that is passed meanwhile is told, once.
    events = [record.__dict__ for record in caplog.records if record.message == EVENT]
    told = [(event[a.BUDGET_NAME], event[a.BUDGET_THRESHOLD]) for event in events]
    assert len(told) >= 2
    assert len(set(told)) == len(told)


@pytest.mark.parametrize("name", NOT_ASKED)
async def test_closed_the_request_is_refused_and_nothing_stays_reserved(
    redis_url: str, tmp_path: Path, name: str
) -> None:
    async with rig(redis_url, tmp_path, FILE, when_unavailable="closed") as books:
        await damage(books, name)
        before = [await everything(books, other) for other in ("whole", "each-app")]
        with pytest.raises(BudgetsUnavailable):
            await books.reserve(600, user="ann")
        await books.budgets.close()
        after = [await everything(books, other) for other in ("whole", "each-app")]
        for found in (*before, *after):
            for window in found.values():
                if not isinstance(window, int):
                    window.pop("sum", None)
                    window.pop("passed:50:1000", None)
        assert after == before


@pytest.mark.parametrize("name", DAMAGE)
async def test_a_refusal_leaves_the_others_as_they_were_but_for_its_count(
    redis_url: str, tmp_path: Path, name: str
) -> None:
    async with rig(redis_url, tmp_path, FILE) as books:
        await damage(books, name)
        with pytest.raises(BudgetExceeded, match="'whole'"):
            await books.reserve(10_000, user="ann")
        windows = (await everything(books, "whole")).values()
        (whole,) = (found for found in windows if not isinstance(found, int) and "spent" in found)
        assert (whole["spent"], whole["reserved"], whole["denials"]) == ("1", "0", "1")


@pytest.mark.parametrize("name", [name for name in DAMAGE if "leases" not in name])
async def test_where_it_stands_names_the_key_and_the_metrics_of_others_go_on(
    redis_url: str, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TELL_SECONDS", 0.02)
    async with rig(redis_url, tmp_path, FILE, started=True) as books:
        key = await damage(books, name)
        with pytest.raises(DamagedKey) as caught:
            await books.budgets.states()
        assert caught.value.key == key

        def shown(budget: str) -> bool:
            points = books.telemetry.metrics().get(names.BUDGET_USERS.name, [])
            limits = books.telemetry.metrics().get(names.BUDGET_LIMIT.name, [])
            return any(
                dict(point.attributes)[a.BUDGET_NAME] == budget for point in (*points, *limits)
            )

        for _ in range(500):
            if shown("whole") and shown("each-app") and not shown("damaged"):
                break
            await asyncio.sleep(0.01)
        assert shown("whole")
        assert not shown("damaged")


async def test_what_others_hold_is_given_back_beside_one_that_is_damaged(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, FILE) as books:
        lease = await books.reserve(100, user="ann")
        held = {hold.budget: hold for hold in lease.holds}
        await send(books, "DEL", f"{held['damaged'].key}:leases")
        await send(books, "SET", f"{held['damaged'].key}:leases", "x")
        await books.budgets.release(lease)
        assert (await books.hash(held["whole"].key)).get("reserved", "0") == "0"
        assert (await books.hash(held["each-app"].key)).get("reserved", "0") == "0"
