"""Reserving, settling and giving back, one request at a time, in a real Redis."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from otel import names
from service.budgets.demand import LARGEST_AMOUNT
from service.budgets.lease import NO_LEASE
from service.budgets.telling import budget_headers
from service.errors import BudgetsUnavailable
from tests.budgets.building import NOON, REFUSING, amounts, refused, rig


async def test_what_was_used_takes_the_place_of_what_was_reserved(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, REFUSING) as books:
        lease = await books.reserve(600)
        assert await amounts(books, lease) == (0, 600)
        recorded = await books.settle(lease, 150)
        assert [(c.spent, c.reserved) for c in recorded.charges] == [(150, 0)]
        assert await amounts(books, lease) == (150, 0)


async def test_a_request_that_does_not_fit_is_refused_and_leaves_no_trace_but_a_count(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, REFUSING) as books:
        lease = await books.reserve(1000)
        await refused(books, 1)
        assert await amounts(books, lease) == (0, 1000)
        assert (await books.window(lease))["denials"] == "1"
        (point,) = books.telemetry.metrics()[names.BUDGET_DENIALS.name]
        assert (point.value, dict(point.attributes)) == (
            1,
            {"gaugeway.budget.name": "everything", "gaugeway.app": "app"},
        )
        await books.budgets.release(lease)
        assert await amounts(books, lease) == (0, 0)
        await books.reserve(1000)


async def test_giving_back_twice_or_after_settling_takes_nothing_twice(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, REFUSING) as books:
        kept, lease = await books.reserve(100), await books.reserve(300)
        await books.settle(lease, 50)
        await books.budgets.release(lease)
        await books.budgets.release(lease)
        assert await amounts(books, kept) == (50, 100)


async def test_limits_beyond_what_doubles_hold_are_exact_to_the_last_picodollar(
    redis_url: str, tmp_path: Path
) -> None:
    limit = 2**59 + 1
    text = REFUSING.replace("0.000000001000", f"{limit // 10**12}.{limit % 10**12:012d}")
    async with rig(redis_url, tmp_path, text) as books:
        lease = await books.reserve(limit - 1)
        await books.settle(lease, limit - 1)
        last = await books.reserve(1)
        await refused(books, 1)
        await books.settle(last, 1)
        assert await amounts(books, last) == (limit, 0)
        (state,) = await books.budgets.states()
        assert (state.spent, state.remaining, state.level) == (
            "576460.752303423489",
            "0",
            "exhausted",
        )


async def test_another_target_takes_the_place_of_the_first(redis_url: str, tmp_path: Path) -> None:
    async with rig(redis_url, tmp_path, REFUSING) as books:
        first = await books.reserve(900)
        second = await books.reserve(800, replacing=first)
        assert await amounts(books, second) == (0, 800)
        await refused(books, 2000, replacing=second)
        assert await amounts(books, second) == (0, 0)


async def test_of_several_budgets_all_hold_or_none(redis_url: str, tmp_path: Path) -> None:
    text = (
        REFUSING
        + """
  - name: each-app
    scope: app
    window: hour
    limit: {requests: 1}
    actions: [{at: 100, do: refuse}]
  - {name: far, scope: provider, value: elsewhere, window: hour, limit: {requests: 1}}
"""
    )
    async with rig(redis_url, tmp_path, text) as books:
        lease = await books.reserve(10)
        assert [hold.budget for hold in lease.holds] == ["everything", "each-app"]
        error = await refused(books, 10)
        assert "'each-app' for app 'app' has 0 of 1 requests" in error.message
        assert await amounts(books, lease) == (0, 10)
        other = await books.reserve(10, app="other", model="distant")
        assert [hold.budget for hold in other.holds] == ["everything", "each-app", "far"]
        assert await amounts(books, other, 1) == (0, 1)


async def test_scopes_concern_whom_they_say(redis_url: str, tmp_path: Path) -> None:
    scopes = [
        "scope: model, value: dear",
        "scope: provider",
        "scope: user",
        "scope: component",
        "scope: component, value: search",
        "scope: app, value: mine",
    ]
    text = "budgets:\n" + "\n".join(
        f"  - {{name: b{number}, {scope}, window: day, limit: {{requests: 9}}}}"
        for number, scope in enumerate(scopes)
    )
    async with rig(redis_url, tmp_path, text) as books:

        async def concerned(**changes: Any) -> set[str]:
            return {hold.budget for hold in (await books.reserve(0, **changes)).holds}

        assert await concerned() == {"b0", "b1"}
        assert await concerned(model="cheap", app="mine") == {"b1", "b5"}
        assert await concerned(user="u") == {"b0", "b1", "b2"}
        assert await concerned(component="search") == {"b0", "b1", "b3", "b4"}
        assert await concerned(component="_OTHER") == {"b0", "b1", "b3"}


async def test_no_budget_costs_no_question(redis_url: str, tmp_path: Path) -> None:
    async with rig(redis_url, tmp_path, "budgets: []") as books:
        await books.store.close()
        assert await books.reserve(5) == NO_LEASE


async def test_only_budgets_that_refuse_shorten_answers(redis_url: str, tmp_path: Path) -> None:
    warning = REFUSING.replace(", {at: 100, do: refuse}", "")
    counting = REFUSING.replace('usd: "0.000000001000"', "requests: 9")
    for text, expected in ((REFUSING, 4096), (warning, None), (counting, None)):
        async with rig(redis_url, tmp_path, text) as books:
            assert (await books.reserve(1)).max_output_tokens == expected
            stated = await books.reserve(1, fields={"max_tokens": 5})
            assert stated.max_output_tokens is None
    async with rig(redis_url, tmp_path, REFUSING) as books:
        assert (await books.reserve(1, model="cheap", fields={"n": 3})).max_output_tokens == 10
        assert books.bounds.asked[-1][2] == 30


async def test_tokens_are_counted_against_tokens(redis_url: str, tmp_path: Path) -> None:
    text = REFUSING.replace('usd: "0.000000001000"', "tokens: 200")
    async with rig(redis_url, tmp_path, text) as books:
        lease = await books.reserve(0, fields={"max_tokens": 50})
        (hold,) = lease.holds
        assert 50 < hold.amount < 150
        await refused(books, 0, fields={"max_tokens": 150})
        await books.settle(lease, tokens=30)
        assert await amounts(books, lease) == (30, 0)
        assert books.bounds.asked == []


async def test_a_model_without_a_price_reserves_nothing_in_dollars(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, REFUSING) as books:
        lease = await books.reserve(None, model="unpriced")
        assert await amounts(books, lease) == (0, 0)
        await books.budgets.release(lease)
        await books.settle(await books.reserve(None, model="unpriced"), 0)
        assert await amounts(books, lease) == (0, 0)


async def test_what_a_crash_left_behind_lapses_after_the_deadline(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, REFUSING) as books:
        lost = await books.reserve(1000, seconds=10)
        books.clock.pass_seconds(39)
        await refused(books, 1)
        books.clock.pass_seconds(2)
        fits = await books.reserve(1000)
        assert await amounts(books, fits) == (0, 1000)
        # Whoever comes back late after all is charged for what was used.
        await books.settle(lost, 70)
        assert await amounts(books, fits) == (70, 1000)


async def test_a_new_window_begins_empty_and_the_old_one_is_settled_where_it_was(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, REFUSING) as books:
        yesterday = await books.reserve(1000)
        books.clock.pass_seconds(86_400)
        today = await books.reserve(1000)
        await books.settle(yesterday, 400)
        assert await amounts(books, yesterday) == (400, 0)
        assert await amounts(books, today) == (0, 1000)


async def test_windows_vanish_two_days_after_their_end(redis_url: str, tmp_path: Path) -> None:
    async with rig(redis_url, tmp_path, REFUSING) as books:
        lease = await books.reserve(1)

        async def times(redis: Any) -> list[int]:
            keys = await redis.keys("gaugeway:{ledger}:budget:*")
            return [await redis.pttl(key) for key in keys]

        found = await books.store.run("PTTL", times)
        due = NOON + 11 * 3_600_000 + 2 * 86_400_000
        assert len(found) == 3
        assert all(abs(time.time() * 1000 + left - due) < 60_000 for left in found)
        assert lease.charges(cost=0, tokens=0)[0].expires_at == due


async def test_a_cancelled_request_keeps_nothing(redis_url: str, tmp_path: Path) -> None:
    async with rig(redis_url, tmp_path, REFUSING) as books:
        held = await books.reserve(10)
        task = asyncio.create_task(books.reserve(500, replacing=held))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await books.budgets.close()
        assert await amounts(books, held) == (0, 0)


async def test_without_redis_requests_go_on_and_are_charged_later(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig("redis://127.0.0.1:1/0", tmp_path, REFUSING, empty=False) as books:
        lease = await books.reserve(5000)
        assert [(h.key, h.lease) for h in lease.holds] == [(lease.holds[0].key, None)]
        assert lease.max_output_tokens == 4096
        assert budget_headers(lease) == {}
        (point,) = books.telemetry.metrics()[names.BUDGET_UNCHECKED.name]
        assert point.value == 1
        await books.budgets.release(lease)
    async with rig(redis_url, tmp_path, REFUSING) as books:
        await books.settle(lease, 900)
        await refused(books, 101)


async def test_without_redis_nothing_goes_on_where_the_operator_says_so(tmp_path: Path) -> None:
    url = "redis://127.0.0.1:1/0"
    async with rig(url, tmp_path, REFUSING, empty=False, when_unavailable="closed") as books:
        with pytest.raises(BudgetsUnavailable) as caught:
            await books.reserve(1)
        assert (caught.value.status, caught.value.retry_after) == (503, 2)


TOLD_AND_HELD = """
budgets:
  - name: told
    window: day
    limit: {usd: "10"}
  - name: held
    scope: model
    value: cheap
    window: day
    limit: {usd: "0.000000001000"}
    actions: [{at: 100, do: refuse}]
"""


async def test_no_amount_reserved_at_one_budget_lets_requests_pass_another(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, TOLD_AND_HELD) as books:
        leases = await asyncio.gather(*(books.reserve(10**18) for _ in range(930)))
        assert all(lease.holds[0].lease for lease in leases)
        reserved = int((await books.window(leases[0]))["reserved"])
        # There is no room left for what any more request may use.
        assert 2**63 - LARGEST_AMOUNT < reserved < 2**63
        assert (await refused(books, 10**18, model="cheap")).code == "budget_exceeded"
        held = await books.reserve(1000, model="cheap")
        assert [hold.lease is not None for hold in held.holds] == [True, True]
        assert (await refused(books, 1, model="cheap")).code == "budget_exceeded"
        for lease in (*leases, held):
            await books.budgets.release(lease)
        assert await books.window(leases[0]) == {}
