"""Calls of scripts go out together, and one that fails takes no other with it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from service.ledger.scripts import Script, ScriptFailed, ScriptQueue, load_script
from service.redis_store import Breaker, RedisStore, StoreUnavailable
from tests.ledger.building import until
from tests.ledger.servers import Server


def script(source: str) -> Script:
    return Script("test", source.encode(), hashlib.sha1(source.encode()).hexdigest())


ECHO = script("return {KEYS[1], ARGV[1]}")
COUNT = script("return redis.call('INCR', KEYS[1])")
FAIL = script("return redis.call('INCR', KEYS[1], 'too many')")


@pytest.fixture
async def store(redis: Server) -> AsyncGenerator[RedisStore]:
    opened = RedisStore(redis.url, timeout=2, pool_size=4, probe_seconds=0.05)
    yield opened
    await opened.close()


def test_a_script_is_known_by_the_sha1_of_its_file() -> None:
    record = load_script("service.ledger", "record")
    assert record.sha == hashlib.sha1(record.source).hexdigest()
    assert record.source.startswith(b"-- Applies")


async def test_calls_of_one_turn_go_out_together_in_order(store: RedisStore) -> None:
    sent: list[int] = []

    class Counting(ScriptQueue):
        async def _execute(self, commands: Any) -> list[Any]:
            sent.append(len(commands))
            return await super()._execute(commands)

    queue = Counting(store, pipeline_calls=10)
    replies = await asyncio.gather(*(queue.call(COUNT, ["n"], []) for _ in range(25)))
    assert replies == list(range(1, 26))
    # The first one again: the server did not know the script.
    assert sent == [10, 10, 10, 5]


async def test_calls_made_while_a_pipeline_is_under_way_are_the_next_one(
    store: RedisStore,
) -> None:
    queue = ScriptQueue(store)
    first = asyncio.create_task(queue.call(ECHO, ["a"], [1]))
    await asyncio.sleep(0)
    others = [asyncio.create_task(queue.call(ECHO, ["b"], [n])) for n in range(5)]
    assert await first == [b"a", b"1"]
    assert [(await other)[1] for other in others] == [b"%d" % n for n in range(5)]
    await queue.close()


async def test_answers_that_nothing_can_be_made_of_keep_nobody_waiting(
    store: RedisStore, caplog: pytest.LogCaptureFixture
) -> None:
    """As many answers as commands is what is reckoned with."""
    wrong: list[list[Any] | Exception] = [[], AttributeError("read"), RecursionError()]

    class Wrong(ScriptQueue):
        async def _execute(self, commands: Any) -> list[Any]:
            if not wrong:
                return await super()._execute(commands)
            found = wrong.pop(0)
            if isinstance(found, Exception):
                raise found
            return found

    queue = Wrong(store, pipeline_calls=1)
    async with asyncio.timeout(10):
        commands = (queue.call(ECHO, ["k"], [n]) for n in range(5))
        replies = await asyncio.gather(*commands, return_exceptions=True)
    assert [type(reply) for reply in replies[:3]] == [StoreUnavailable] * 3
    assert replies[3:] == [[b"k", b"3"], [b"k", b"4"]]
    assert [record.levelname for record in caplog.records] == ["ERROR"] * 3
    await queue.close()


async def test_a_script_that_the_server_forgot_is_loaded_again(
    store: RedisStore, redis: Server
) -> None:
    queue = ScriptQueue(store)
    await queue.call(COUNT, ["n"], [])
    redis.ask(b"SCRIPT FLUSH")
    replies = await asyncio.gather(queue.call(COUNT, ["n"], []), queue.call(ECHO, ["k"], ["v"]))
    assert replies == [2, [b"k", b"v"]]


async def test_a_call_that_redis_refuses_fails_alone(
    store: RedisStore, caplog: pytest.LogCaptureFixture
) -> None:
    queue = ScriptQueue(store)
    bad, good = await asyncio.gather(
        queue.call(FAIL, ["n"], []), queue.call(COUNT, ["n"], []), return_exceptions=True
    )
    assert isinstance(bad, ScriptFailed)
    assert good == 1
    assert store.available
    assert "Redis refused the script test" in caplog.text


async def test_a_redis_that_takes_no_writes_is_unavailable_until_it_does(
    store: RedisStore, redis: Server
) -> None:
    redis.ask(b"CONFIG SET maxmemory 1")
    try:
        with pytest.raises(StoreUnavailable, match="takes no writes now") as raised:
            await ScriptQueue(store).call(COUNT, ["n"], [])
        assert not isinstance(raised.value, ScriptFailed)
        assert not store.available
    finally:
        redis.ask(b"CONFIG SET maxmemory 0")
    await until(lambda: store.available, "the store to find that it takes writes")
    assert await ScriptQueue(store).call(COUNT, ["n"], []) == 1


async def test_a_refusal_takes_nothing_from_calls_of_the_same_pipeline(
    store: RedisStore, redis: Server
) -> None:
    """A server can cease to take writes between two of them."""
    queue = ScriptQueue(store)
    redis.ask(b"CONFIG SET maxmemory 1")
    try:
        reads, writes = await asyncio.gather(
            queue.call(ECHO, ["a"], [1]), queue.call(COUNT, ["n"], []), return_exceptions=True
        )
    finally:
        redis.ask(b"CONFIG SET maxmemory 0")
    assert reads == [b"a", b"1"]
    assert isinstance(writes, StoreUnavailable)
    assert not store.available


async def test_a_caller_that_goes_away_does_not_disturb_others(store: RedisStore) -> None:
    queue = ScriptQueue(store)
    leaving = asyncio.create_task(queue.call(COUNT, ["n"], []))
    staying = asyncio.create_task(queue.call(COUNT, ["n"], []))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == 2
    with pytest.raises(asyncio.CancelledError):
        await leaving


async def test_all_calls_fail_at_once_while_redis_is_known_to_be_dead(own_redis: Server) -> None:
    store = RedisStore(own_redis.url, timeout=2, pool_size=4, probe_seconds=0.05)
    queue = ScriptQueue(store)
    assert await queue.call(COUNT, ["n"], []) == 1
    own_redis.kill()
    failed = await asyncio.gather(
        *(queue.call(COUNT, ["n"], []) for _ in range(5)), return_exceptions=True
    )
    assert {type(error) for error in failed} == {StoreUnavailable}
    assert not store.available
    own_redis.start()
    # Nobody calls meanwhile: the store asks by itself.
    await until(lambda: store.available, "the store to find that Redis is back")
    assert await queue.call(COUNT, ["n"], []) == 2
    await store.close()


async def test_one_slow_command_puts_nothing_out_of_action_for_long(own_redis: Server) -> None:
    breaker = Breaker()
    store = RedisStore(own_redis.url, timeout=0.2, pool_size=4, breaker=breaker)
    own_redis.pause()
    with pytest.raises(StoreUnavailable):
        await store.get("anything")
    assert breaker.open
    own_redis.resume()
    await until(lambda: not breaker.open, "the breaker to close", 2)
    await store.close()
