"""Refusals: what they say, when they ask to be tried again, and what they leave behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from tests.budgets.building import REFUSING, amounts, refused, rig


async def test_a_refusal_for_what_is_spent_says_when_it_resets_and_not_to_try_again(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, REFUSING) as books:
        await books.settle(await books.reserve(950), 950)
        error = await refused(books, 100)
    assert (error.status, error.type, error.code) == (429, "insufficient_quota", "budget_exceeded")
    assert error.retry_after == 11 * 3600  # Noon in UTC is 13:00 in Berlin.
    assert error.headers["x-should-retry"] == "false"
    assert error.headers["x-gaugeway-budget-remaining"] == 'everything="0.00000000005 USD"'
    assert error.message == (
        "The budget 'everything' has 0.00000000095 of 0.000000001 USD spent in this day. This "
        "request may use up to 0.0000000001 USD, and 0.00000000005 USD are left until the budget "
        "resets at 2096-11-22T00:00:00+01:00 (Europe/Berlin). A request with a smaller "
        "max_completion_tokens may still fit."
    )


async def test_a_request_above_the_whole_limit_is_told_no_amount_that_is_not_its_own(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, REFUSING) as books:
        error = await refused(books, 5000)
    assert "This request may use more than all of its 0.000000001 USD, and" in error.message
    assert "may still fit" in error.message


async def test_a_refusal_for_what_is_reserved_says_to_try_again_soon(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, REFUSING) as books:
        await books.reserve(950)
        error = await refused(books, 100)
    assert error.retry_after == 2
    assert "x-should-retry" not in error.headers
    assert "requests under way have reserved 0.00000000095 USD" in error.message


async def test_near_the_reset_clients_may_wait_for_it(redis_url: str, tmp_path: Path) -> None:
    async with rig(redis_url, tmp_path, REFUSING) as books:
        books.clock.pass_seconds(11 * 3600 - 10.5)
        await books.settle(await books.reserve(1000), 1000)
        error = await refused(books, 1)
    assert error.retry_after == 11
    assert "x-should-retry" not in error.headers


async def test_absurdly_large_requests_are_refused_and_overflow_nothing(
    redis_url: str, tmp_path: Path
) -> None:
    largest = REFUSING.replace("0.000000001000", "1000000")
    async with rig(redis_url, tmp_path, largest) as books:
        await books.reserve(10**18)
        for _ in range(20):
            await refused(books, 10**30)
    async with rig(redis_url, tmp_path, largest.replace(", {at: 100, do: refuse}", "")) as books:
        leases = [await books.reserve(10**30) for _ in range(20)]
        assert await amounts(books, leases[-1]) == (0, 20 * 10**16)


async def test_users_who_were_only_refused_leave_nothing_behind_but_a_count(
    redis_url: str, tmp_path: Path
) -> None:
    each = REFUSING.replace("window", "scope: user\n    window")
    async with rig(redis_url, tmp_path, each) as books:
        await books.settle(await books.reserve(600, user="known"), 600)

        async def size() -> int:
            return await books.store.run("DBSIZE", lambda redis: cast("Any", redis).dbsize())

        before = await size()
        for number in range(50):
            await refused(books, 1001, user=f"user{number}")
        await refused(books, 500, user="known")
        # The counts of the whole.
        assert await size() == before + 1
        (state,) = await books.budgets.states()
        assert state.denials == 51
        lease = await books.reserve(1, user="user7")
        assert await amounts(books, lease) == (0, 1)
        assert (await books.window(lease)).get("denials") is None
