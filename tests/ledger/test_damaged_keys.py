"""A key that holds something else makes neither what is counted elsewhere wrong nor all wait."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from otel import names
from service.ledger.calendar import Calendar
from service.ledger.counters import SEPARATOR
from service.ledger.entry import Charge
from service.ledger.export.reading import UsageRows
from service.ledger.export.span import Span
from service.ledger.recording import mark_key
from service.ledger.zone import remembered_time_zone
from service.redis_keys import DamagedKey
from tests.ledger.building import NOON, Opened, entry, opened, until
from tests.ledger.servers import Server

TODAY = date(2035, 11, 21)
PREFIX = "gaugeway:{ledger}:"
DAY = f"{PREFIX}usage:day:2035-11-21:"
SEEN = f"{PREFIX}seen:{NOON // 600_000}"


async def send(parts: Opened, *command: Any) -> Any:
    async def run(client: Any) -> Any:
        return await client.execute_command(*command)

    return await parts.redis.run("a test's command", run)


async def enter(parts: Opened, *numbers: int, **changes: Any) -> Sequence[str]:
    """What became of entries of these numbers."""
    posted = [parts.ledger.post(entry(number, **changes)) for number in numbers]
    return [recorded.outcome for recorded in await asyncio.gather(*posted)]


async def operations(parts: Opened) -> int:
    return (await parts.reader.usage("month")).totals.requests


@pytest.mark.parametrize("damage", [("SET", "abc"), ("SET", "1 2"), ("SET", "-1"), ("RPUSH", "x")])
async def test_a_writer_whose_mark_is_damaged_goes_on_and_counts_nothing_twice(
    redis: Server, tmp_path: Path, damage: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    command, value = damage
    async with opened(redis.url, tmp_path) as parts:
        assert await enter(parts, 1) == ["applied"]
        (mark,) = await send(parts, "KEYS", f"{mark_key('')}*")
        await send(parts, "DEL", mark)
        await send(parts, command, mark, value)
        assert await enter(parts, 2) == ["applied"]
        assert await enter(parts, 1) == ["duplicate"]
        assert parts.ledger.pending == 0
        assert await operations(parts) == 2
        assert int(await send(parts, "GET", mark)) == 3
    assert mark.decode() in caplog.text
    assert "no entry is missing" in caplog.text


async def test_a_worker_that_confirms_a_damaged_mark_sends_again_what_counts_once(
    redis: Server, tmp_path: Path
) -> None:
    async with opened(redis.url, tmp_path) as parts:
        assert await enter(parts, 1, 2) == ["applied", "applied"]
        (mark,) = await send(parts, "KEYS", f"{mark_key('')}*")
        await send(parts, "SET", mark, "abc")
        # It looks several times before it lets go of what it sent.
        await asyncio.sleep(0.6)
        assert parts.ledger.available
        assert await enter(parts, 3) == ["applied"]
        assert await operations(parts) == 3


@pytest.mark.parametrize("command", [("SET", "abc"), ("HSET", "a", "b")])
async def test_ids_that_cannot_be_looked_up_are_begun_anew(
    redis: Server, tmp_path: Path, command: tuple[str, ...]
) -> None:
    async with opened(redis.url, tmp_path) as parts:
        assert await enter(parts, 1) == ["applied"]
        await send(parts, "DEL", SEEN)
        await send(parts, command[0], SEEN, *command[1:])
        assert await enter(parts, 2) == ["applied"]
        assert await enter(parts, 2) == ["duplicate"]
        assert await operations(parts) == 2


@pytest.mark.parametrize("of", ["type", "number", "count of values"])
async def test_what_cannot_be_counted_in_one_key_is_counted_in_the_others_and_told(
    redis: Server, tmp_path: Path, of: str, caplog: pytest.LogCaptureFixture
) -> None:
    key = f"{DAY}model"
    async with opened(redis.url, tmp_path) as parts:
        if of == "type":
            await send(parts, "SET", key, "x")
        elif of == "number":
            await send(parts, "HSET", key, f"gpt-4o-mini{SEPARATOR}requests", "many")
        else:
            await send(parts, "HSET", key, f"{SEPARATOR}values", "many")
        for number in range(3):
            assert await enter(parts, number) == ["applied"]
        assert await operations(parts) == 3
        assert (await parts.reader.usage("month")).by_model["gpt-4o-mini"].requests == 3
        lost = parts.telemetry.value(names.LEDGER_DROPPED, error_type="key_damaged")
        if of == "count of values":
            assert not lost
            assert (await parts.reader.usage("today")).by_model["gpt-4o-mini"].requests == 3
        else:
            assert lost == 3
            with pytest.raises(DamagedKey) as caught:
                await parts.reader.usage("today")
            assert caught.value.key == key
    said = [line for line in caplog.messages if key in line]
    assert len(said) == (0 if of == "count of values" else 1), said


async def test_a_window_with_no_numbers_answers_with_numbers_and_is_kept(
    redis: Server, tmp_path: Path
) -> None:
    window = f"{PREFIX}budget:a:whole:usd:day:x"
    async with opened(redis.url, tmp_path) as parts:
        await send(parts, "HSET", window, "spent", "1 2", "reserved", "much")
        other = f"{PREFIX}budget:b:whole:usd:day:x"
        charges = (Charge(window, 5, None, NOON * 2), Charge(other, 7, None, NOON * 2))
        recorded = await parts.ledger.post(entry(1, charges=charges))
        assert [(state.spent, state.reserved) for state in recorded.charges] == [(0, 0), (7, 0)]
        assert await send(parts, "HGET", window, "spent") == b"1 2"
        # It has its own counter and alert: requests that budgets were not asked about.
        assert not parts.telemetry.value(names.LEDGER_DROPPED, error_type="key_damaged")


NUMBER = b"no number"


@pytest.mark.parametrize(
    ("key", "command"),
    [
        (f"{DAY}operation", ("SET", "x")),
        (f"{DAY}app", ("HSET", f"shop{SEPARATOR}cost", NUMBER)),
        (f"{DAY}app", ("HSET", f"shop{SEPARATOR}latency_us", "9" * 400)),
        (f"{DAY}app", ("HSET", f"shop{SEPARATOR}cost", b"\xff")),
        (f"{DAY}user", ("SET", "x")),
        (f"{DAY}user:u", ("HSET", "cost", NUMBER)),
        (f"{DAY}user:u", ("RPUSH", "x")),
    ],
)
async def test_readers_name_the_key_that_they_cannot_read(
    redis: Server, tmp_path: Path, key: str, command: tuple[Any, ...]
) -> None:
    async with opened(redis.url, tmp_path) as parts:
        assert await enter(parts, 1, user="u") == ["applied"]
        if command[0] != "HSET":
            await send(parts, "DEL", key)
        await send(parts, command[0], key, *command[1:])
        with pytest.raises(DamagedKey) as caught:
            await parts.reader.usage("today")
        assert caught.value.key == key
        if "user" not in key:
            with pytest.raises(DamagedKey, match="Rename it"):
                await parts.reader.history(1)
        rows = UsageRows(parts.redis, Calendar()).rows(Span(TODAY, TODAY), "day")
        with pytest.raises(DamagedKey):
            [row async for row in rows]
        # What is read is refused; the connection and others are as they were.
        assert parts.redis.available


@pytest.mark.parametrize("value", [b"\xff", b"nowhere", b""])
async def test_a_time_zone_that_is_none_is_told_by_its_key(
    redis: Server, tmp_path: Path, value: bytes
) -> None:
    async with opened(redis.url, tmp_path) as parts:
        await send(parts, "SET", f"{PREFIX}time_zone", value)
        with pytest.raises(DamagedKey, match="time_zone"):
            await remembered_time_zone(parts.redis)
        await send(parts, "DEL", f"{PREFIX}time_zone")
        await send(parts, "RPUSH", f"{PREFIX}time_zone", value)
        with pytest.raises(DamagedKey, match="another type"):
            await remembered_time_zone(parts.redis)


async def test_a_list_of_requests_with_something_else_in_it_is_told(
    redis: Server, tmp_path: Path
) -> None:
    async with opened(redis.url, tmp_path) as parts:
        assert await enter(parts, 1) == ["applied"]
        key = f"{PREFIX}notable:dearest:{NOON // 600_000}"
        infinite = "[1" + ",1e999" * 15 + "]"
        for member in ("x", "[]", "[1]", "[1,2]", '{"a":1}', "1", "null", infinite):
            await send(parts, "ZADD", key, 1, member)
            with pytest.raises(DamagedKey, match="notable:dearest"):
                await parts.reader.notable()
            await send(parts, "ZREM", key, member)
        await until(lambda: parts.redis.available, "the connection")
        assert len((await parts.reader.notable()).dearest) == 1
