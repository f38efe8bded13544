"""Callers choose users, operators name apps and models: neither fills Redis nor breaks its keys."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from service.budgets.lease import Lease
from tests.budgets.building import REFUSING, Rig, amounts, refused, rig

EACH_USER = REFUSING.replace("window", "scope: user\n    window")
EACH_APP = REFUSING.replace("window", "scope: app\n    window")
FEW = "max_users: 2" + EACH_USER


async def keys(books: Rig) -> set[str]:
    async def read(redis: Any) -> list[bytes]:
        return cast("list[bytes]", await redis.keys("gaugeway:{ledger}:budget:*"))

    found = {key.decode() for key in await books.store.run("KEYS", read)}
    return {key for key in found if not key.endswith("#counts")}


async def users_told_apart(books: Rig, lease: Lease) -> list[str]:
    shared = lease.holds[0].key.rsplit(":", 1)[0]

    async def read(redis: Any) -> list[bytes]:
        return cast("list[bytes]", await redis.zrange(f"{shared}#values", 0, -1))

    return sorted(user.decode() for user in await books.store.run("ZRANGE", read))


def without_redis(lease: Lease) -> Lease:
    """As a request holds it that went on while Redis was away."""
    return replace(lease, holds=tuple(replace(hold, lease=None) for hold in lease.holds))


async def test_users_whose_requests_are_given_back_leave_nothing_behind(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, EACH_USER) as books:
        for number in range(20):
            await books.budgets.release(await books.reserve(600, user=f"user{number}"))
        assert await keys(books) == set()


async def test_users_whose_requests_came_to_nothing_leave_nothing_behind(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, EACH_USER) as books:
        for number in range(20):
            lease = await books.reserve(600, user=f"user{number}")
            recorded = await books.settle(lease, 0)
            assert [(c.spent, c.reserved) for c in recorded.charges] == [(0, 0)]
        assert await keys(books) == set()


async def test_users_who_were_refused_meanwhile_leave_nothing_but_a_count(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, EACH_USER) as books:
        for number in range(20):
            lease = await books.reserve(600, user=f"user{number}")
            await refused(books, 600, user=f"user{number}")
            await books.settle(lease, 0)
        assert await keys(books) == set()
        (state,) = await books.budgets.states()
        assert state.denials == 20


async def test_users_whose_reservations_lapsed_leave_nothing_behind(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, EACH_USER) as books:
        for number in range(150):
            await books.reserve(600, user=f"user{number}", seconds=10)
        books.clock.pass_seconds(41)
        for _ in range(2):
            await books.budgets.states()
        assert await keys(books) == set()


async def test_a_user_with_a_request_under_way_keeps_the_window_when_another_comes_to_nothing(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, EACH_USER) as books:
        # What is not known in dollars reserves 0, and its lease is there all the same.
        slow = await books.reserve(None, model="unpriced", user="ann")
        await books.settle(await books.reserve(600, user="ann"), 0)
        await books.budgets.release(await books.reserve(600, user="ann"))
        assert (await books.window(slow))["reserved"] == "0"
        held = await books.reserve(300, user="ann")
        await books.budgets.release(slow)
        assert await amounts(books, held) == (0, 300)
        await books.settle(held, 7)
        assert await amounts(books, held) == (7, 0)


async def test_a_request_that_moves_to_another_window_leaves_none_of_the_first(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, EACH_USER) as books:
        first = await books.reserve(600, user="ann")
        books.clock.pass_seconds(86_400)
        second = await books.reserve(600, user="ann", replacing=first)
        assert first.holds[0].key != second.holds[0].key
        assert not [key for key in await keys(books) if key.startswith(first.holds[0].key)]
        await books.budgets.release(second)
        assert await keys(books) == set()


async def test_an_app_that_was_refused_is_told_of_though_nothing_was_spent(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, EACH_APP) as books:
        await refused(books, 1001)
        await books.budgets.release(await books.reserve(1))
        (state,) = await books.budgets.states()
        assert (state.value, state.denials, state.reserved) == ("app", 1, "0")


async def test_users_beyond_so_many_share_one_limit(redis_url: str, tmp_path: Path) -> None:
    async with rig(redis_url, tmp_path, FEW) as books:
        for user in ("ann", "bob"):
            await books.settle(await books.reserve(1000, user=user), 900)
        other = await books.reserve(600, user="cid")
        assert other.holds[0].key.endswith(":_OTHER")
        error = await refused(books, 600, user="dan")
        assert "requests under way have reserved" in error.message
        await books.settle(other, 500)
        await books.settle(await books.reserve(400, user="eve"), 400)
        assert await amounts(books, other) == (900, 0)
        # Who was there before goes on alone.
        assert (await books.reserve(100, user="ann")).holds[0].key.endswith(":ann")
        for user in ("bob", "fay"):
            await refused(books, 101, user=user)
        assert await users_told_apart(books, other) == ["_OTHER", "ann", "bob"]
        (state,) = await books.budgets.states()
        assert state.users[0].users == 3
        assert state.spent == "0.0000000009"


async def test_users_who_came_to_nothing_take_no_ones_place(redis_url: str, tmp_path: Path) -> None:
    async with rig(redis_url, tmp_path, FEW) as books:
        for number in range(5):
            await books.settle(await books.reserve(600, user=f"user{number}"), 0)
        last = await books.reserve(600, user="ann")
        assert last.holds[0].key.endswith(":ann")
        assert await users_told_apart(books, last) == ["ann"]


async def test_what_shared_users_hold_is_given_back_when_their_requests_are_cancelled(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, FEW) as books:
        for user in ("ann", "bob"):
            await books.settle(await books.reserve(1, user=user), 1)
        other = await books.reserve(1, user="cid")
        # As for a request that was cancelled before anybody knew where it was held.
        (hold,) = other.holds
        own = hold.key.replace("_OTHER", "cid")
        unknown = replace(other, holds=(replace(hold, key=own), hold))
        await books.budgets.release(unknown)
        assert await amounts(books, other) == (0, 0)


async def test_what_was_used_without_redis_counts_for_shared_users_too(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, FEW) as books:
        leases = [await books.reserve(1, user=f"user{number}") for number in range(2)]
        for lease in leases:
            await books.budgets.release(lease)
        (hold,) = leases[0].holds
        for number in range(9):
            key = hold.key.replace("user0", f"late{number}")
            late = without_redis(replace(leases[0], holds=(replace(hold, key=key),)))
            await books.settle(late, 10)
        assert await users_told_apart(books, leases[0]) == ["_OTHER", "late0", "late1"]
        shared = await books.hash(hold.key.replace("user0", "_OTHER"))
        assert shared["spent"] == "70"
        assert len(await keys(books)) == 4
        assert [key for key in await keys(books) if not await ends(books, key)] == []


async def ends(books: Rig, key: str) -> bool:
    async def read(redis: Any) -> int:
        return await redis.pttl(key)

    return await books.store.run("PTTL", read) > 0


@pytest.mark.parametrize(
    "app", ["a:expiry", "a:leases", "a#values", "a%3Aexpiry", "a:ö%", ":", "#"]
)
async def test_an_apps_name_meets_no_key_but_its_own(
    redis_url: str, tmp_path: Path, app: str
) -> None:
    async with rig(redis_url, tmp_path, EACH_APP) as books:
        held = await books.reserve(600, app="a")
        other = await books.reserve(700, app=app)
        assert other.holds[0].lease is not None
        await refused(books, 600, app="a")
        await refused(books, 600, app=app)
        await books.settle(other, 650)
        assert await amounts(books, other) == (650, 0)
        assert await amounts(books, held) == (0, 600)
        states = await books.budgets.states()
        assert {(state.value, state.spent) for state in states} == {
            (app, "0.00000000065"),
            ("a", "0"),
        }
        assert f"for app '{app}' has" in (await refused(books, 600, app=app)).message
