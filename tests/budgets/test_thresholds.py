"""Events and warnings: promptly, once over all workers, and of no user by name."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from service.budgets.lease import Lease
from service.budgets.telling import budget_headers
from service.errors import BudgetExceeded
from service.ledger.entry import Recorded
from tests.budgets.building import Rig, rig

WARNING = """
budgets:
  - name: everything
    window: day
    limit: {usd: "0.000000001000"}
    actions: [{at: 80, do: warn}, {at: 95, do: warn}, {at: 100, do: refuse}]
"""
EACH_USER = WARNING.replace("window:", "scope: user\n    window:")


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int]]:
    return [
        (
            getattr(record, "gaugeway.budget.name"),
            getattr(record, "gaugeway.budget.threshold"),
        )
        for record in caplog.records
        if record.message == "budget threshold passed" and record.levelno == logging.WARNING
    ]


def after(lease: Lease, recorded: Recorded) -> Lease:
    """The lease with its windows as they are after it was settled, as accounts make it."""
    (hold,), (charge,) = lease.holds, recorded.charges
    return Lease((replace(hold, spent=charge.spent, reserved=charge.reserved),))


async def spend(books: Rig, amount: int, **changes: str) -> Lease:
    lease = await books.reserve(amount, **changes)
    lease = books.budgets.settled(after(lease, await books.settle(lease, amount)))
    await books.budgets.close()
    return lease


async def test_a_threshold_is_told_when_a_request_that_passes_it_is_settled(
    redis_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(redis_url, tmp_path, WARNING) as books:
        lease = await spend(books, 799)
        assert "x-gaugeway-budget-warning" not in budget_headers(lease)
        assert told(caplog) == []
        lease = await spend(books, 1)
        assert budget_headers(lease) == {
            "x-gaugeway-budget-remaining": 'everything="0.0000000002 USD"',
            "x-gaugeway-budget-warning": "everything=80",
        }
        assert told(caplog) == [("everything", 80)]
        assert (await books.reserve(1)).holds[0].warning == 80
        await spend(books, 10)
        assert told(caplog) == [("everything", 80)]


async def test_many_workers_tell_of_a_threshold_once(
    redis_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with (
        rig(redis_url, tmp_path, WARNING) as one,
        rig(redis_url, tmp_path, WARNING, empty=False) as other,
    ):
        lease = await one.reserve(960)
        settled = after(lease, await one.settle(lease, 960))
        for worker in (one, other, one, other):
            worker.budgets.settled(settled)
            await worker.reserve(1)
        await asyncio.gather(one.budgets.close(), other.budgets.close())
    assert sorted(told(caplog)) == [("everything", 80), ("everything", 95)]


async def test_what_the_journal_added_is_told_at_the_next_request(
    redis_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(redis_url, tmp_path, WARNING) as books:
        await books.settle(await books.reserve(0), 820)
        assert told(caplog) == []
        await books.reserve(1)
        assert told(caplog) == [("everything", 80)]


async def test_what_the_journal_added_is_told_without_a_request(
    redis_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(redis_url, tmp_path, WARNING) as books:
        await books.settle(await books.reserve(0), 820)
        await books.budgets.start()
        for _ in range(500):
            if told(caplog):
                break
            await asyncio.sleep(0.01)
    assert told(caplog) == [("everything", 80)]


async def test_a_higher_limit_is_told_of_anew(
    redis_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(redis_url, tmp_path, WARNING) as books:
        await spend(books, 800)
        books.write(WARNING.replace("1000", "2000"))
        lease = await spend(books, 700)
        assert lease.holds[0].warning is None
        await spend(books, 100)
    assert told(caplog) == [("everything", 80), ("everything", 80)]


async def test_a_budget_that_refuses_is_used_up_with_the_first_refusal_for_what_is_spent(
    redis_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(redis_url, tmp_path, WARNING) as books:
        with pytest.raises(BudgetExceeded):
            await books.reserve(1001)
        assert told(caplog) == []  # It was the request that was too large.
        await spend(books, 960)
        for _ in range(2):
            with pytest.raises(BudgetExceeded):
                await books.reserve(41)
        assert told(caplog) == [("everything", 80), ("everything", 95), ("everything", 100)]
        (state,) = await books.budgets.states()
        assert (state.level, state.denials, state.used_percent) == ("exhausted", 3, 96.0)


async def test_of_users_only_the_first_is_told_and_all_are_counted(
    redis_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(redis_url, tmp_path, EACH_USER) as books:
        for user, amount in (("ann", 970), ("bob", 810), ("cid", 900), ("dan", 10)):
            await spend(books, amount, user=user)
        with pytest.raises(BudgetExceeded):
            await books.reserve(500, user="ann")
        (state,) = await books.budgets.states()
        assert [(users.percent, users.users) for users in state.users] == [
            (80, 3),
            (95, 1),
            (100, 1),
        ]
        assert (state.value, state.spent, state.denials) == (None, "0.00000000097", 1)
        assert "ann" not in state.model_dump_json()
    assert told(caplog) == [("everything", 80), ("everything", 95), ("everything", 100)]
    assert "ann" not in caplog.text
