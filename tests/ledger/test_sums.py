"""Whatever is posted, in whatever order and batches, the ledger holds the exact sums."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.ledger import hashes, sums
from service.ledger.calendar import Calendar
from service.ledger.counters import DIMENSIONS, add, counters_of, values_of
from service.ledger.entry import TOKEN_KINDS, Entry
from service.ledger.latency import bucket_counter
from service.ledger.recording import BATCH_ENTRIES, Bounds, Numbered, Recorder
from service.ledger.scripts import ScriptQueue
from service.ledger.writer import Writer
from service.redis_store import RedisStore
from tests.ledger.building import NOON, entry, expected, forgets_nothing, opened
from tests.ledger.servers import Server

_names = st.sampled_from(["a", "b", "\u00fc\x1f\x00", "", "\ud800x", "_OTHER", "requests+"])
_amounts = st.one_of(st.integers(0, 10**7), st.integers(0, 2**63 - 1))


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    return entry(
        draw(st.integers(0, 25)),
        asked_at=NOON + draw(st.integers(-40, 40)) * 3_600_000,
        operation=draw(st.sampled_from(["chat", "embeddings", "speech", "something"])),
        provider=draw(_names),
        model=draw(_names),
        app=draw(_names),
        user=draw(st.none() | _names),
        component=draw(st.none() | _names),
        error=draw(st.sampled_from([None, None, "rate_limited"])),
        estimated=draw(st.booleans()),
        cache_hit=draw(st.booleans()),
        latency_us=draw(st.integers(0, 10**10)),
        tokens=draw(st.dictionaries(st.sampled_from(TOKEN_KINDS), _amounts, max_size=3)),
        characters=draw(_amounts),
        milliseconds=draw(_amounts),
        cost=draw(st.none() | _amounts),
        saved_by_response_cache=draw(_amounts),
        saved_by_prompt_cache=draw(_amounts),
    )


async def stored(redis: RedisStore, key: str) -> hashes.Fields:
    (texts,) = await redis.run("HSCAN", lambda client: hashes.read(client, [key]))
    return hashes.fields(texts)


def _plain(value: str) -> str:
    return value.encode("utf-8", "replace").decode()


@st.composite
def sequences(draw: st.DrawFn) -> list[Entry]:
    """Distinct entries in any order, some of them again and again."""
    distinct = draw(st.lists(entries(), max_size=15, unique_by=lambda one: one.id))
    return draw(st.lists(st.sampled_from(distinct), max_size=40)) if distinct else []


@given(posted=sequences(), cuts=st.lists(st.integers(1, 12), max_size=8))
@settings(max_examples=400)
def test_any_sequence_in_any_batches_gives_the_sums_of_its_distinct_entries(
    one_redis: Server, posted: list[Entry], cuts: list[int]
) -> None:
    one_redis.empty()
    calendar = Calendar("Asia/Kolkata")
    wanted: dict[tuple[str, str], dict[str, dict[str, int]]] = {}
    by_user: dict[tuple[str, str], dict[str, int]] = {}
    for one in {one.id: one for one in posted}.values():
        for bucket in calendar.buckets(one.asked_at):
            if bucket.grain != "week":
                for dimension, value in zip(DIMENSIONS, values_of(one), strict=True):
                    if value is not None:
                        row = wanted.setdefault((bucket.prefix, dimension), {})
                        add(row.setdefault(value, {}), counters_of(one))
            if one.user is not None:
                add(by_user.setdefault((bucket.prefix, _plain(one.user)), {}), counters_of(one))

    async def check() -> None:
        redis = RedisStore(one_redis.url, timeout=5, pool_size=2)
        try:
            await send(redis)
            for (prefix, dimension), values in wanted.items():
                assert sums.by_value([await stored(redis, prefix + dimension)]) == values
            for (prefix, user), amounts in by_user.items():
                found = sums.counters(await stored(redis, f"{prefix}user:{user}"))
                plain = {name: n for name, n in amounts.items() if not name.startswith("le1.")}
                assert found == plain
        finally:
            await redis.close()

    async def send(redis: RedisStore) -> None:
        writer = Writer("w", Recorder(ScriptQueue(redis), calendar), relapsed=forgets_nothing)
        numbered = [Numbered(n, one) for n, one in enumerate(posted, 1)]
        position = 0
        for size in itertools.chain(cuts, itertools.repeat(BATCH_ENTRIES)):
            await writer.send(numbered[position : position + size])
            position += size
            if position >= len(numbered):
                break

    asyncio.run(check())


@pytest.mark.parametrize(
    "requests",
    [30_000, pytest.param(1_000_000, marks=[pytest.mark.slow, pytest.mark.timeout(600)])],
)
async def test_a_million_requests_of_140_nanodollars_cost_14_cents(
    every_redis: Server, tmp_path: Path, requests: int
) -> None:
    """Each an entry of its own through the real script; the first 1,000 alone, then in batches."""
    every_redis.empty()
    async with opened(every_redis.url, tmp_path) as parts:
        writer = Writer("million", parts.recorder, relapsed=forgets_nothing)
        for number in range(1, 1_001):
            await writer.send([Numbered(number, entry(number))])
        for start in range(1_001, requests + 1, BATCH_ENTRIES):
            end = min(start + BATCH_ENTRIES, requests + 1)
            await writer.send([Numbered(number, entry(number)) for number in range(start, end)])
        usage = await parts.reader.usage("today")
    assert usage.totals.requests == requests
    assert usage.totals.cost_usd == {30_000: "0.0042", 1_000_000: "0.14"}[requests]
    assert usage.by_model["gpt-4o-mini"].cost_usd == usage.totals.cost_usd


def test_latencies_are_told_to_the_microsecond() -> None:
    buckets = {bucket_counter(1_234_567): 2, bucket_counter(2_000_003): 1}
    latency = sums.totals({"requests": 3, "latency_us": 4_469_137, **buckets}).latency
    assert (latency.total_latency_ms, latency.avg_latency_ms) == (4469.137, 1489.712)
    for told in (latency.p50, latency.p95, latency.p99):
        assert told is not None
        assert told == round(told, 3)
        assert 1000 < told < 2500


async def test_a_counter_that_is_full_goes_on(redis: Server, tmp_path: Path) -> None:
    largest = 2**63 - 1
    posted = [entry(n, cost=largest, tokens={"input_tokens": largest * 3}) for n in range(5)]
    async with opened(redis.url, tmp_path) as parts:
        for one in posted:
            assert (await parts.ledger.post(one)).outcome == "applied"
        usage = await parts.reader.usage("month")
    assert usage.totals.cost_usd == f"{5 * largest // 10**12}.{5 * largest % 10**12:012d}"
    assert usage.totals.tokens.input == 15 * largest
    assert usage.totals.requests == expected(posted)["requests"] == 5


async def test_values_beyond_the_bound_are_counted_as_other(redis: Server, tmp_path: Path) -> None:
    async with opened(redis.url, tmp_path, bounds=Bounds(values=3, users=2)) as parts:
        for n in range(10):
            user = f"user-{n % 5}"
            await parts.ledger.post(entry(n, model=f"model-{n % 5}", user=user))
        usage = await parts.reader.usage("today")
    models = {name: totals.requests for name, totals in usage.by_model.items()}
    assert models == {"model-0": 2, "model-1": 2, "model-2": 2, "_OTHER": 4}
    assert set(usage.by_user) == {"user-0", "user-1"}
    assert usage.users == 2
    assert usage.totals.requests == 10


async def test_everything_has_a_time_at_which_it_goes(redis: Server, tmp_path: Path) -> None:
    async with opened(redis.url, tmp_path) as parts:
        await parts.ledger.post(entry(1, user="u", component="search", error="timeout"))

        async def without_end(client: Any) -> list[bytes]:
            return [key async for key in client.scan_iter() if await client.ttl(key) < 0]

        assert await parts.redis.run("SCAN", without_end) == []


async def test_an_entry_older_than_what_is_kept_leaves_nothing(
    redis: Server, tmp_path: Path
) -> None:
    async with opened(redis.url, tmp_path) as parts:
        old = entry(1, asked_at=1_600_000_000_000, user="u")
        assert (await parts.ledger.post(old)).outcome == "applied"

        async def usage(client: Any) -> list[bytes]:
            return [key async for key in client.scan_iter(match="*usage*")]

        assert await parts.redis.run("SCAN", usage) == []


async def test_an_entry_posted_again_changes_nothing(redis: Server, tmp_path: Path) -> None:
    async with opened(redis.url, tmp_path) as parts:
        one = entry(1, user="u")
        assert (await parts.ledger.post(one)).outcome == "applied"
        both = await asyncio.gather(*(parts.ledger.post(one) for _ in range(2)))
        assert [recorded.outcome for recorded in both] == ["duplicate", "duplicate"]
        usage = await parts.reader.usage("today")
    assert usage.totals.requests == 1
