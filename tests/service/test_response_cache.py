"""The response cache: exact, off unless wanted, free, and never in the way."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from otel import names
from service.cache import (
    ENTRY_OVERHEAD_BYTES,
    CachedAnswer,
    CacheDirective,
    CacheLimits,
    RedisCacheStore,
    ResponseCache,
    cache_key,
    parse_cache_control,
)
from service.redis_store import Breaker, RedisStore, StoreUnavailable
from service.runtime import Parts
from tests.service.fake_providers import CountingProvider
from tests.service.running import (
    RunningService,
    inference_attributes,
    running,
    settings_for,
    wait_for,
)

Start = Callable[..., AbstractContextManager[RunningService]]
LIMITS = CacheLimits(ttl_seconds=0, max_age_seconds=60, max_entry_bytes=1000, max_entries=3)
ASK = {"cache-control": "max-age=60"}


class MemoryStore:
    """What Redis would keep."""

    def __init__(self) -> None:
        self.entries: dict[str, bytes] = {}
        self.ttls: dict[str, int] = {}

    async def load(self, key: str) -> bytes | None:
        return self.entries.get(key)

    async def store(
        self, key: str, value: bytes, *, ttl: int, max_entries: int, max_bytes: int
    ) -> None:
        self.entries[key], self.ttls[key] = value, ttl


class DeadStore:
    """A Redis that is down."""

    async def load(self, key: str) -> bytes | None:
        raise StoreUnavailable("down")

    async def store(
        self, key: str, value: bytes, *, ttl: int, max_entries: int, max_bytes: int
    ) -> None:
        raise StoreUnavailable("down")


@pytest.mark.parametrize(
    ("header", "directive"),
    [
        (None, CacheDirective()),
        ("", CacheDirective()),
        ("max-age=60", CacheDirective("on", 60)),
        ("Max-Age = 60", CacheDirective()),
        ('private, max-age="5"', CacheDirective("on", 5)),
        ("max-age=0", CacheDirective("on", 0)),
        ("max-age=-1", CacheDirective()),
        ("max-age=soon", CacheDirective()),
        ("max-age=" + "9" * 50, CacheDirective("on", 2**31)),
        ("no-cache", CacheDirective("bypass")),
        ("max-age=60, no-store", CacheDirective("bypass")),
        ("only-if-cached", CacheDirective()),
    ],
)
def test_cache_control_is_read_as_http_says(header: str | None, directive: CacheDirective) -> None:
    assert parse_cache_control(header) == directive


_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_bodies = st.dictionaries(st.text(), _json, max_size=5)


@given(body=_bodies, order=st.randoms())
def test_the_key_does_not_depend_on_the_order_of_fields(body: dict[str, Any], order: Any) -> None:
    shuffled = list(body.items())
    order.shuffle(shuffled)
    assert cache_key("app", "chat", dict(shuffled)) == cache_key("app", "chat", body)


@given(one=_bodies, other=_bodies)
def test_different_bodies_have_different_keys(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (cache_key("app", "chat", one) == cache_key("app", "chat", other)) is same


def test_the_key_tells_apps_and_operations_apart() -> None:
    keys = {cache_key(app, operation, {}) for app in ("a", "b") for operation in ("chat", "e")}
    assert len(keys) == 4
    assert cache_key("a", "chat", {"n": 1}) != cache_key("a", "chat", {"n": True})


@pytest.mark.parametrize(
    ("directive", "ttl", "age"),
    [
        (CacheDirective(), 0, None),
        (CacheDirective(), 30, 30),
        (CacheDirective("on", 10), 0, 10),
        (CacheDirective("on", 10_000), 0, 60),
        (CacheDirective("bypass"), 30, None),
    ],
)
def test_the_cache_is_on_where_a_setting_or_the_caller_says_so(
    directive: CacheDirective, ttl: int, age: int | None
) -> None:
    limits = CacheLimits(ttl, LIMITS.max_age_seconds, 1000, 3)
    assert ResponseCache(MemoryStore(), limits).accepted_age(directive) == age


async def test_an_answer_older_than_the_caller_accepts_is_not_used() -> None:
    now = [1000.0]
    cache = ResponseCache(MemoryStore(), LIMITS, now=lambda: now[0])
    answer = CachedAnswer((b'{"a": "\xc3\xa9"}',), stream=False)
    await cache.keep("k", answer, max_age=60)
    now[0] += 30
    assert await cache.find("k", max_age=30) == answer
    assert await cache.find("k", max_age=29) is None


async def test_an_answer_over_the_limit_is_not_kept() -> None:
    store = MemoryStore()
    cache = ResponseCache(store, LIMITS)
    await cache.keep("k", CachedAnswer((b"x" * 600, b"x" * 600), stream=True), max_age=60)
    assert store.entries == {}


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"{}",
        b"[]",
        b"not JSON",
        b"\xff\xfe",
        b'{"at": 995, "stream": false, "parts": []}',
        b'{"at": 995, "stream": true, "parts": []}',
        b'{"at": 995, "stream": false, "parts": "abc"}',
        b'{"at": 995, "stream": false, "parts": ["a", "b"]}',
        b'{"at": 995, "stream": false, "parts": [1]}',
        b'{"at": 995, "stream": "no", "parts": ["a"]}',
        b'{"at": null, "stream": false, "parts": ["a"]}',
        b'{"at": NaN, "stream": false, "parts": ["a"]}',
        b'{"at": 2000, "stream": false, "parts": ["a"]}',
        b'{"at": ' + b"9" * 400 + b', "stream": false, "parts": ["a"]}',
    ],
)
async def test_an_entry_nobody_can_read_is_a_miss(stored: bytes) -> None:
    store = MemoryStore()
    store.entries["k"] = stored
    assert await ResponseCache(store, LIMITS).find("k", max_age=60) is None


async def test_a_dead_redis_is_a_miss() -> None:
    cache = ResponseCache(DeadStore(), LIMITS)
    await cache.keep("k", CachedAnswer((b"{}",), stream=False), max_age=60)
    assert await cache.find("k", max_age=60) is None


class StoreUnderTest:
    """A store whose entries are all this test's, in a Redis that others use too."""

    def __init__(self, redis: RedisStore, *, max_entries: int = 1000, max_bytes: int = 10**6):
        self.redis = redis
        self._store = RedisCacheStore(redis)
        self._limits = {"max_entries": max_entries, "max_bytes": max_bytes}

    async def keep(self, key: str, size: int, ttl: int = 60) -> None:
        await self._store.store(key, b"x" * size, ttl=ttl, **self._limits)

    async def kept(self, keys: list[str]) -> list[str]:
        return [key for key in keys if await self._store.load(key) is not None]

    async def counted(self) -> int:
        """The bytes that all entries take, as the script counts them."""
        return int(await self.redis.get("gaugeway:{cache}:bytes") or 0)


@pytest.fixture
async def empty_cache(redis_url: str) -> AsyncGenerator[RedisStore]:
    redis = RedisStore(redis_url, timeout=5, pool_size=4)

    async def clear(client: Any) -> None:
        if keys := await client.keys("gaugeway:{cache}:*"):
            await client.delete(*keys)

    await redis.run("DEL", clear)
    yield redis
    await redis.run("DEL", clear)
    await redis.close()


async def all_answers(client: Any) -> list[bytes]:
    return await client.keys("gaugeway:{cache}:answer:*")


async def test_the_oldest_entries_go_when_there_are_too_many(empty_cache: RedisStore) -> None:
    store = StoreUnderTest(empty_cache, max_entries=3)
    names = [f"evict-{number}" for number in range(5)]
    for name in names:
        await store.keep(name, 1)
        await asyncio.sleep(0.002)
    assert await store.kept(names) == names[2:]


async def test_the_oldest_entries_go_when_they_take_too_many_bytes(
    empty_cache: RedisStore,
) -> None:
    store = StoreUnderTest(empty_cache, max_bytes=3 * (1000 + ENTRY_OVERHEAD_BYTES))
    names = [f"large-{number}" for number in range(5)]
    for name in names:
        await store.keep(name, 1000)
        await asyncio.sleep(0.002)
    assert await store.kept(names) == names[2:]
    assert await store.counted() == 3 * (1000 + ENTRY_OVERHEAD_BYTES)
    await store.keep(names[4], 2000)
    assert await store.kept(names) == names[3:]
    assert await store.counted() == 3000 + 2 * ENTRY_OVERHEAD_BYTES


@given(
    sizes=st.lists(st.tuples(st.integers(0, 5), st.integers(1, 3000)), max_size=30),
    most=st.integers(1, 6),
)
@hypothesis_settings(max_examples=30)
def test_the_cache_never_takes_more_than_its_caps(
    redis_url: str, sizes: list[tuple[int, int]], most: int
) -> None:
    async def run() -> None:
        redis = RedisStore(redis_url, timeout=5, pool_size=1)
        store = StoreUnderTest(redis, max_entries=most, max_bytes=9000)
        for key, size in sizes:
            await store.keep(f"cap-{key}", size)
            names = await redis.run("KEYS", all_answers)
            lengths = [len(await redis.get(name.decode()) or b"") for name in names]
            assert len(names) <= most
            assert sum(lengths) + len(lengths) * ENTRY_OVERHEAD_BYTES == await store.counted()
            assert await store.counted() <= 9000
        await redis.close()

    asyncio.run(run())


async def test_what_expired_is_no_longer_counted(empty_cache: RedisStore) -> None:
    store = StoreUnderTest(empty_cache)
    await store.keep("short", 1000, ttl=1)
    deadline = time.monotonic() + 10
    while await store.kept(["short"]):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    await store.keep("long", 10)
    assert await store.counted() == 10 + ENTRY_OVERHEAD_BYTES


async def test_a_count_that_is_wrong_is_made_right(empty_cache: RedisStore) -> None:
    store = StoreUnderTest(empty_cache)
    await empty_cache.run("SET", lambda client: client.set("gaugeway:{cache}:bytes", 10**9))
    await store.keep("one", 10)
    await store.keep("two", 10)
    assert await store.kept(["two"]) == ["two"]
    assert await store.counted() == 10 + ENTRY_OVERHEAD_BYTES


@pytest.fixture
def provider() -> CountingProvider:
    return CountingProvider()


@pytest.fixture
def start(tmp_path: Path, redis_url: str, provider: CountingProvider) -> Start:
    parts = Parts(providers=lambda targets, _: dict.fromkeys(targets.connections, provider))

    def start(**changes: Any) -> AbstractContextManager[RunningService]:
        return running(settings_for(tmp_path, redis_url, **changes), parts=parts)

    return start


def test_a_hit_costs_nothing_and_starts_no_inference(
    start: Start, provider: CountingProvider, request: pytest.FixtureRequest
) -> None:
    with start() as service:
        question = f"{request.node.name} {service.port}"
        first, second = service.chat(question, ASK), service.chat(question, ASK)
        assert [reply.headers["x-gaugeway-cache"] for reply in (first, second)] == ["miss", "hit"]
        assert second.body == first.body
        assert second.headers["x-gaugeway-cost-usd"] == "0"
        assert second.headers["x-gaugeway-tokens"] == "0"
        assert second.headers["x-trace-id"] != first.headers["x-trace-id"]
        assert len(provider.calls) == len(inference_attributes(service.telemetry)) == 1
        hits = service.telemetry.value(names.CACHE_REQUESTS, gaugeway_cache_result="hit")
        misses = service.telemetry.value(names.CACHE_REQUESTS, gaugeway_cache_result="miss")
        assert (hits, misses) == (1, 1)


def test_a_stream_is_replayed_as_a_stream(start: Start, provider: CountingProvider) -> None:
    with start() as service:
        texts: list[bytes] = []
        for _ in range(2):
            with service.open_stream(f"replay {service.port}", headers=ASK) as stream:
                texts.append(stream.read_to_end())
        assert b"x-gaugeway-cache: miss" in texts[0]
        assert b"x-gaugeway-cache: hit" in texts[1]
        assert b": gaugeway-cost-usd=0\n" in texts[1]
        events = [[line for line in text.split(b"\n") if line[:5] == b"data:"] for text in texts]
        assert events[0] == events[1]
        assert events[1][-1] == b"data: [DONE]"
        assert len(provider.calls) == 1


def test_without_being_asked_nothing_is_cached(start: Start, provider: CountingProvider) -> None:
    with start() as service:
        for _ in range(2):
            assert service.chat("the same").headers["x-gaugeway-cache"] == "off"
        assert len(provider.calls) == 2


def test_a_setting_turns_it_on_and_no_cache_goes_past_it(
    start: Start, provider: CountingProvider
) -> None:
    with start(cache_ttl_seconds=60) as service:
        question = f"by setting {service.port}"
        replies = [
            service.chat(question),
            service.chat(question),
            service.chat(question, {"cache-control": "no-cache"}),
            service.chat(question, {"cache-control": "no-store"}),
            service.chat(question, temperature=0.5),
        ]
        results = [reply.headers["x-gaugeway-cache"] for reply in replies]
        assert results == ["miss", "hit", "bypass", "bypass", "miss"]
        assert len(provider.calls) == 4


def test_a_failure_is_not_cached(service: RunningService) -> None:
    for _ in range(2):
        reply = service.chat(f"fails {service.port}", ASK, model="down")
        assert reply.status == 503


def test_a_dead_redis_costs_requests_no_time(tmp_path: Path) -> None:
    """Once it is known to be dead no request tries it; only the check in the background does."""
    # It takes connections and never answers, which is worse than one that refuses.
    silent = socket.create_server(("127.0.0.1", 0))
    url = f"redis://127.0.0.1:{silent.getsockname()[1]}"
    settings = settings_for(tmp_path, url, redis_timeout_seconds=1)
    with silent, running(settings) as service:
        wait_for(lambda: service.runtime.dependencies.findings, "the first checks")
        wait_for(lambda: "redis" in service.runtime.dependencies.down, "Redis to be known as down")
        replies = [service.chat("dead redis", ASK) for _ in range(20)]
        assert {reply.headers["x-gaugeway-cache"] for reply in replies} == {"miss"}
        assert max(float(reply.headers["x-gaugeway-duration-ms"]) for reply in replies) < 500


async def test_a_redis_that_is_back_is_used_again(redis_url: str) -> None:
    breaker = Breaker()
    redis = RedisStore(redis_url, timeout=5, pool_size=2, breaker=breaker)
    breaker.failed()
    with pytest.raises(StoreUnavailable):
        await redis.get("anything")
    async with asyncio.timeout(10):
        while not redis.available:
            await asyncio.sleep(0.01)
    assert await redis.get("anything") is None
    await redis.close()
