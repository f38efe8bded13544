"""What a lost worker's requests had reserved is spent and entered once, whatever happens when."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.budgets.lease import Lease
from service.exchange import ModelRequest
from service.ledger.calendar import Calendar
from service.ledger.counters import add, counters_of
from service.ledger.entry import Entry
from service.ledger.lost_workers import LostWorkers
from service.ledger.notable import notable_key
from service.ledger.open_requests import LOST, OpenRequest, PriceOpen, open_key
from service.ledger.presence import Presence
from service.ledger.reading import LedgerReader
from service.ledger.recording import Numbered
from service.ledger.writer import Writer
from tests.budgets.building import NOON, Rig, refused, request, rig
from tests.ledger.building import forgets_nothing

BUDGETS = """
max_users: 1
budgets:
  - {name: everything, window: day, limit: {usd: "1"}, actions: [{at: 100, do: refuse}]}
  - {name: each-user, scope: user, window: day, limit: {tokens: 1000000}}
  - {name: each-app, scope: app, window: day, limit: {requests: 1000}}
"""


class Nothing:
    """No request is without a reservation here."""

    async def write(self) -> None:
        return None


class Worker:
    """One worker's requests, settled through a writer of its own."""

    def __init__(self, books: Rig) -> None:
        self.books = books
        self._writer = Writer(books.writer, books.recorder, relapsed=forgets_nothing)
        self._numbers = count(1)

    async def settle(self, asked: ModelRequest, lease: Lease, cost: int) -> Entry:
        entry = Entry(
            id=asked.id,
            asked_at=lease.asked_at,
            trace_id=asked.trace_id,
            operation="chat",
            provider="simulated",
            model="dear",
            target="one",
            app=asked.app,
            user=asked.user,
            component=asked.component,
            outcome="completed",
            latency_us=1,
            tokens={"input_tokens": 3},
            cost=cost,
            charges=lease.charges(cost=cost, tokens=3),
        )
        await self._writer.send([Numbered(next(self._numbers), entry)])
        return entry

    def survivor(self, price: PriceOpen = lambda _: 0) -> LostWorkers:
        """It, as one who enters what others left."""
        return LostWorkers(
            Presence(self.books.store, self.books.writer),
            redis=self.books.store,
            recorder=self.books.recorder,
            notes=Nothing(),
            price=price,
            instruments=self.books.telemetry.telemetry.instruments,
            now=self.books.clock,
        )


async def reserve(books: Rig, amount: int, **facts: Any) -> tuple[ModelRequest, Lease]:
    asked = request(**facts)
    books.bounds.picodollars = amount
    target = books.targets.models[asked.model][0]
    return asked, await books.budgets.reserve(asked, target)


async def enter(books: Rig, writer: str, *survivors: LostWorkers) -> None:
    """Have survivors enter what a writer left, all at once, whoever claimed it before."""
    await books.store.run(
        "DEL", lambda redis: cast("Any", redis).delete(f"{_PREFIX}claim:{writer}")
    )
    await asyncio.gather(*(survivor.enter_for(writer) for survivor in survivors))


_PREFIX = "gaugeway:{ledger}:"


async def open_requests(books: Rig, writer: str) -> Mapping[str, str]:
    return await books.hash(open_key(writer))


async def totals(books: Rig) -> Mapping[str, int]:
    """The counters of the day over all apps."""
    found: dict[str, int] = {}
    day = Calendar("UTC").buckets(NOON).day
    for field, amount in (await books.hash(f"{day.prefix}app")).items():
        _, _, counter = field.partition("\x1f")
        if counter != "values":
            add(found, {counter.rstrip("+"): int(amount)})
    return {counter: amount for counter, amount in found.items() if amount}


async def windows(books: Rig) -> Mapping[str, tuple[int, int]]:
    """Spent and reserved of all windows in use."""

    async def read(redis: Any) -> dict[str, tuple[int, int]]:
        keys = [key async for key in redis.scan_iter(f"{_PREFIX}budget:*", _type="HASH")]
        found: dict[str, tuple[int, int]] = {}
        for key in keys:
            spent, reserved = await redis.hmget(key, "spent", "reserved")
            name = key.decode().removeprefix(f"{_PREFIX}budget:")
            if not name.endswith((":leases", "#counts")):
                found[name] = (int(spent or 0), int(reserved or 0))
        return found

    return await books.store.run("HMGET", read)


async def test_a_lost_workers_request_is_entered_with_all_that_it_had_reserved(
    redis_url: str, tmp_path: Path
) -> None:
    facts = {"app": "shop", "user": "ann", "component": "search", "stream": True}
    async with rig(redis_url, tmp_path, BUDGETS) as dead:
        asked, lease = await reserve(dead, 1_234, trace_id="a" * 32, **facts)
        async with rig(redis_url, tmp_path, BUDGETS, empty=False) as books:
            books.clock.pass_seconds(7)
            await enter(books, dead.writer, Worker(books).survivor())
            reader = LedgerReader(books.store, Calendar("UTC"), now=books.clock)
            usage = await reader.usage("today")
            (shown,) = (await reader.notable()).failed
        left = await windows(dead)
    (day, _), (tokens, _), (requests, _) = (
        left[hold.key.split(":budget:")[1]] for hold in lease.holds
    )
    assert (day, requests) == (1_234, 1)
    assert tokens == lease.holds[1].amount > 4_096
    assert all(reserved == 0 for _, reserved in left.values())
    assert usage.totals.cost_usd == "0.000000001234"
    assert (usage.totals.requests, usage.totals.errors, usage.totals.estimated_requests) == (
        1,
        1,
        1,
    )
    assert usage.totals.tokens.input + usage.totals.tokens.output == tokens
    for by, value in (
        (usage.by_app, "shop"),
        (usage.by_component, "search"),
        (usage.by_model, "dear"),
    ):
        assert by[value].requests == 1
    assert usage.users == 1
    assert (shown.trace_id, shown.outcome, shown.error) == ("a" * 32, LOST, LOST)
    assert (shown.estimated, shown.stream, shown.latency_ms) == (True, True, 7_000)
    assert asked.id


async def test_survivors_that_notice_at_once_enter_it_once(redis_url: str, tmp_path: Path) -> None:
    async with (
        rig(redis_url, tmp_path, BUDGETS) as dead,
        rig(redis_url, tmp_path, BUDGETS, empty=False) as one,
        rig(redis_url, tmp_path, BUDGETS, empty=False) as other,
    ):
        for number in range(150):
            await reserve(dead, number)
        survivors = [Worker(books).survivor() for books in (one, other) for _ in range(2)]

        async def unclaimed() -> None:
            """However often the claim lapses meanwhile."""
            for _ in range(10):
                await enter(one, dead.writer, *survivors)

        await unclaimed()
        found = await totals(one)
    assert (found["requests"], found["cost"]) == (150, sum(range(150)))


async def test_a_request_that_was_refused_or_given_back_is_not_open(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, BUDGETS) as books:
        held = await books.reserve(5)
        assert await open_requests(books, books.writer)
        await books.budgets.release(held)
        assert not await open_requests(books, books.writer)
        await refused(books, 2 * 10**12)
        assert not await open_requests(books, books.writer)
        again = request()
        target = books.targets.models["dear"][0]
        books.bounds.picodollars = 5
        first = await books.budgets.reserve(again, target)
        assert list(await open_requests(books, books.writer)) == [again.id]
        books.bounds.picodollars = 2 * 10**12
        with pytest.raises(Exception, match="budget"):
            await books.budgets.reserve(again, target, replacing=first)
        assert not await open_requests(books, books.writer)


async def test_a_fallback_is_open_at_the_target_that_was_asked_last(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, BUDGETS) as books:
        asked = request()
        books.bounds.picodollars = 5
        first = await books.budgets.reserve(asked, books.targets.models["dear"][0])
        books.clock.pass_seconds(60)
        books.bounds.picodollars = 6
        await books.budgets.reserve(asked, books.targets.models["distant"][0], replacing=first)
        (note,) = (await open_requests(books, books.writer)).values()
    noted = OpenRequest(*json.loads(note.splitlines()[0]))
    assert (noted.provider, noted.target, noted.model) == ("elsewhere", "other", "distant")
    assert (noted.asked_at, noted.cost) == (NOON, 6)


FATES = st.lists(
    st.tuples(
        st.sampled_from(("settled", "lost", "late", "raced", "given back")),
        st.integers(0, 10**6),
        st.integers(0, 10**6),
        st.sampled_from([None, "ann", "bob", "eve"]),
        st.sampled_from(["shop", "help"]),
    ),
    min_size=1,
    max_size=12,
)
"""Of each request: what becomes of it, what it reserves and uses, whose it is."""


def test_whoever_settles_when_the_books_hold_each_request_once(
    redis_url: str, tmp_path: Path
) -> None:
    @given(fates=FATES)
    @settings(max_examples=100, deadline=None)
    def each(fates: Sequence[tuple[Any, ...]]) -> None:
        runner.run(settle_in_turns(books, beside, fates))

    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        books, beside = (
            runner.run(stack.enter_async_context(rig(redis_url, tmp_path, BUDGETS)))
            for _ in range(2)
        )
        try:
            each()
        finally:
            runner.run(stack.aclose())


async def settle_in_turns(books: Rig, beside: Rig, fates: Sequence[tuple[Any, ...]]) -> None:
    """One worker settles what it may, while another enters what it left."""
    await books.store.run("FLUSHALL", lambda redis: cast("Any", redis).flushall())
    worker, survivor = Worker(books), Worker(beside).survivor()
    held: list[tuple[ModelRequest, Lease]] = []
    for number, (fate, amount, _, user, app) in enumerate(fates):
        trace = f"{number:032x}"
        asked, lease = await reserve(books, amount, user=user, app=app, trace_id=trace)
        if fate == "given back":
            await books.budgets.release(lease)
        held.append((asked, lease))
    final: dict[str, Entry] = {}

    async def settle(*which: str) -> None:
        for (fate, _, used, _, _), (asked, lease) in zip(fates, held, strict=True):
            if fate in which:
                final[asked.id] = await worker.settle(asked, lease, used)

    await settle("settled")
    await asyncio.gather(settle("raced"), enter(beside, books.writer, survivor))
    await settle("late")
    await enter(beside, books.writer, survivor)
    await check(books, fates, held, final)


async def check(
    books: Rig,
    fates: Sequence[tuple[Any, ...]],
    held: Sequence[tuple[ModelRequest, Lease]],
    final: dict[str, Entry],
) -> None:
    """What the books say is what each request came to in the end, estimated where it was lost."""
    wanted: dict[str, int] = {}
    spent = {"usd": 0, "tokens": 0, "requests": 0}
    for (fate, amount, _, _, _), (asked, lease) in zip(fates, held, strict=True):
        if asked.id in final:
            entry = final[asked.id]
            add(wanted, counters_of(entry))
            spent["usd"] += entry.cost or 0
            spent["tokens"] += 3 if asked.user else 0
            spent["requests"] += 1
        elif fate == "lost":
            tokens = next(h.amount for h in lease.holds if h.unit == "tokens") if asked.user else 0
            add(wanted, {"requests": 1, "errors": 1, "estimated": 1, "cost": amount})
            spent["usd"] += amount
            spent["tokens"] += tokens
            spent["requests"] += 1
    found = await totals(books)
    for counter in ("requests", "errors", "estimated", "cost"):
        assert found.get(counter, 0) == wanted.get(counter, 0), counter
    buckets = sum(amount for counter, amount in found.items() if counter.startswith("le"))
    assert buckets == found.get("requests", 0)
    sums = {"usd": 0, "tokens": 0, "requests": 0}
    for name, (of_window, reserved) in (await windows(books)).items():
        assert reserved == 0, name
        sums[name.split(":")[2]] += of_window
    assert sums == spent
    assert not await open_requests(books, books.writer)
    failed = await books.store.run(
        "ZCARD", lambda redis: cast("Any", redis).zcard(notable_key("failed", NOON // 600_000))
    )
    assert failed == wanted.get("errors", 0)


async def test_a_request_whose_price_nobody_asked_for_is_priced_by_who_enters_it(
    redis_url: str, tmp_path: Path
) -> None:
    counting = "budgets:\n  - {name: count, window: day, limit: {requests: 9}}\n"
    async with rig(redis_url, tmp_path, counting) as books:
        await reserve(books, 17)
        assert books.bounds.asked == []
        priced: list[OpenRequest] = []

        def price(asked: OpenRequest) -> int | None:
            priced.append(asked)
            return 42

        await enter(books, books.writer, Worker(books).survivor(price))
        found = await totals(books)
    assert found["cost"] == 42
    assert [(one.asked_model, one.target) for one in priced] == [("dear", "one")]
