"""Whatever order requests come, end, crash and lapse in: a limit is never passed.

Checked after each step against a model that knows every request.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from service.budgets.lease import Lease
from service.errors import BudgetExceeded
from tests.budgets.building import Clock, Rig, rig

T = TypeVar("T")
WHOLE = 2**59 + 1
EACH_APP = WHOLE * 2 // 3
BUDGETS = f"""
budgets:
  - name: everything
    window: month
    limit: {{usd: "{WHOLE // 10**12}.{WHOLE % 10**12:012d}"}}
    actions: [{{at: 80, do: warn}}, {{at: 100, do: refuse}}]
  - name: each-app
    scope: app
    window: month
    limit: {{usd: "{EACH_APP // 10**12}.{EACH_APP % 10**12:012d}"}}
    actions: [{{at: 100, do: refuse}}]
  - name: each-user
    scope: user
    window: month
    limit: {{usd: "{EACH_APP // 10**12}.{EACH_APP % 10**12:012d}"}}
    actions: [{{at: 100, do: refuse}}]
"""
"""Each app has one user, so that users' windows are as the apps' are."""
SECONDS = 10.0
LAPSES = SECONDS + 30
AMOUNTS = st.one_of(
    st.integers(0, WHOLE),
    st.integers(0, 3),
    st.sampled_from([WHOLE - 1, WHOLE, WHOLE + 1, EACH_APP, EACH_APP + 1, WHOLE - EACH_APP]),
)
_NOTHING = cast("Lease", multiple())
APPS = st.sampled_from(["shop", "help"])


class Requests(RuleBasedStateMachine):
    """Two workers and their requests; what is known of each lease is kept beside Redis."""

    held: Bundle[Lease] = Bundle("held")
    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.alive: dict[str, tuple[str, int, float]] = {}
        self.spent = {"shop": 0, "help": 0}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize()
    def open(self) -> None:
        async def opened() -> list[Rig]:
            folder = Path(self.folder.name)
            return [
                await self.stack.enter_async_context(
                    rig(self.url, folder, BUDGETS, empty=number == 0, clock=self.clock)
                )
                for number in range(2)
            ]

        self.workers = self.run(opened())
        self.keys: dict[str, str] = {}

    @property
    def now(self) -> float:
        return self.clock.moment / 1000

    def reserved(self, app: str | None = None) -> int:
        return sum(
            amount
            for owner, amount, lapses in self.alive.values()
            if app in (None, owner) and lapses > self.now
        )

    def holds(self, app: str | None) -> bool:
        """Also of requests that reserve nothing."""
        return any(owner == app and lapses > self.now for owner, _, lapses in self.alive.values())

    def fits(self, app: str, amount: int) -> bool:
        whole = sum(self.spent.values()) + self.reserved() + amount <= WHOLE
        return whole and self.spent[app] + self.reserved(app) + amount <= EACH_APP

    def admit(self, worker: int, app: str, amount: int, replacing: Lease) -> Lease | None:
        rig = self.workers[worker]
        for hold in replacing.holds:
            self.alive.pop(hold.lease or "", None)
        expected = self.fits(app, amount)
        try:
            asked = rig.reserve(amount, app=app, user=app, seconds=SECONDS, replacing=replacing)
            lease = self.run(asked)
        except BudgetExceeded:
            assert not expected, "refused, and there was room"
            return None
        assert expected, "admitted, and there was no room"
        (whole, own, users) = lease.holds
        assert whole.lease is not None
        self.alive[whole.lease] = (app, amount, self.now + LAPSES)
        self.keys.update({"whole": whole.key, app: own.key, f"user {app}": users.key})
        return lease

    @rule(target=held, worker=st.integers(0, 1), app=APPS, amount=AMOUNTS)
    def reserve(self, worker: int, app: str, amount: int) -> Lease:
        lease = self.admit(worker, app, amount, Lease())
        return _NOTHING if lease is None else lease

    @rule(target=held, lease=consumes(held), worker=st.integers(0, 1), app=APPS, amount=AMOUNTS)
    def fall_back(self, lease: Lease, worker: int, app: str, amount: int) -> Lease:
        found = self.admit(worker, app, amount, lease)
        return _NOTHING if found is None else found

    @rule(lease=consumes(held), worker=st.integers(0, 1), share=st.integers(0, 100))
    def settle(self, lease: Lease, worker: int, share: int) -> None:
        (whole, own, _) = lease.holds
        amount = whole.amount * share // 100
        known = self.alive.pop(whole.lease or "", None)
        if known is None or known[2] <= self.now:
            amount = 0  # It lapsed; what such a request used may be more than there is room for.
        self.run(self.workers[worker].settle(lease, amount))
        self.spent[own.key.rsplit(":", 1)[1]] += amount

    @rule(lease=consumes(held), worker=st.integers(0, 1), times=st.integers(1, 2))
    def release(self, lease: Lease, worker: int, times: int) -> None:
        for _ in range(times):
            self.run(self.workers[worker].budgets.release(lease))
        self.alive.pop(lease.holds[0].lease or "", None)

    @rule(lease=consumes(held))
    def crash(self, lease: Lease) -> None:
        """Nobody comes back for it."""

    @rule(seconds=st.sampled_from([1, 9, 41]))
    def wait(self, seconds: int) -> None:
        self.clock.pass_seconds(seconds)

    @invariant()
    def redis_agrees_and_no_limit_is_passed(self) -> None:
        if not self.keys:
            return
        # What has lapsed is taken back when somebody looks.
        self.run(self.workers[0].budgets.states())
        for name, key in self.keys.items():
            found = self.run(self.workers[0].hash(key))
            app = None if name == "whole" else name.removeprefix("user ")
            spent = sum(self.spent.values()) if app is None else self.spent[app]
            assert int(found.get("spent", 0)) == spent
            assert int(found.get("reserved", 0)) == self.reserved(app)
            assert spent + self.reserved(app) <= (WHOLE if app is None else EACH_APP)
            if name.startswith("user "):
                assert bool(found) == (spent > 0 or self.holds(app)), "a hash of nothing, or none"

    def teardown(self) -> None:
        async def closed() -> list[bytes]:
            first = self.workers[0]
            self.clock.pass_seconds(LAPSES + 1)
            await first.budgets.states()
            for name, key in self.keys.items():
                assert (await first.hash(key)).get("reserved", "0") == "0", name

            async def left(redis: Any) -> list[bytes]:
                return cast(
                    "list[bytes]", await redis.keys("*:leases") + await redis.keys("*:expiry")
                )

            return await first.store.run("KEYS", left)

        if hasattr(self, "workers"):
            leases = self.run(closed())
            self.run(self.stack.aclose())
            assert leases == []
        self.runner.close()
        self.folder.cleanup()


def test_any_interleaving_keeps_within_all_limits_and_gives_everything_back(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Requests, "url", redis_url)
    run_state_machine_as_test(Requests, settings=settings(max_examples=40, stateful_step_count=30))
