"""A Redis that was emptied, or has lost more than anybody can send again, says what it lost."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel import names
from service.ledger.entry import Charge, Numbered
from service.ledger.journal import Journal
from service.ledger.kept import CHARGE_BYTES, ENTRY_BYTES, Forgotten, Kept, Taken
from service.ledger.writer import Resend
from service.redis_store import StoreUnavailable
from tests.ledger.building import NOON, Opened, entry, opened, until
from tests.ledger.servers import Server

HOUR_MS = 3_600_000
LITTLE = Resend(seconds=5, max_bytes=10 * ENTRY_BYTES)
"""The last ten entries can be sent again."""


async def post(parts: Opened, numbers: range) -> None:
    """One after the other, so that each is a batch."""
    for number in numbers:
        assert (await parts.ledger.post(entry(number))).outcome == "applied"


async def until_told(parts: Opened, counted: int, lost: int) -> None:
    """Poll until usage says so."""
    found: tuple[int, int] | None = None
    for _ in range(2_000):
        try:
            usage = await parts.reader.usage("today")
        except StoreUnavailable:
            continue
        found = usage.totals.requests, usage.lost.requests
        if found == (counted, lost):
            assert usage.complete == (lost == 0)
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"{found} are counted and lost, not {(counted, lost)}")


def dropped(parts: Opened) -> float:
    return parts.telemetry.value(names.LEDGER_DROPPED, error_type="redis_forgot") or 0


async def test_what_an_emptied_redis_had_is_sent_again_or_counted_as_lost(
    redis: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(redis.url, tmp_path, resend=LITTLE) as parts:
        await post(parts, range(50))
        redis.empty()
        await until_told(parts, 10, 40)
        assert dropped(parts) == 40
        said = "Redis has forgotten 50 usage entries that it had taken: it was emptied"
        assert caplog.text.count(said) == 1
        assert "10 are sent again, 40 are lost." in caplog.text
        await post(parts, range(50, 60))
        redis.empty()
        await until_told(parts, 10, 50)
        assert dropped(parts) == 50


async def test_it_is_found_out_also_where_nobody_asks_anything_any_more(
    redis: Server, tmp_path: Path
) -> None:
    async with opened(redis.url, tmp_path, resend=LITTLE) as parts:
        await post(parts, range(20))
        # So long that nothing is kept any more.
        over = time.monotonic() + LITTLE.seconds + 2
        await until(lambda: time.monotonic() > over, "all to be let go of")
        redis.empty()
        await until_told(parts, 0, 20)


async def test_what_was_lost_counts_for_the_hour_it_was_asked_in(
    redis: Server, tmp_path: Path
) -> None:
    async with opened(redis.url, tmp_path, resend=LITTLE) as parts:
        for number in range(30):
            asked_at = NOON - HOUR_MS if number < 15 else NOON
            await parts.ledger.post(entry(number, asked_at=asked_at))
        redis.empty()
        await until_told(parts, 10, 20)
        before = await parts.reader.hour(1)
        assert before.requests == 0
        key = "gaugeway:{ledger}:usage:hour:2035-11-21T11:lost"
        assert b"15" in redis.ask(f"HGET {key} redis_forgot\x1frequests".encode())


async def test_a_journal_that_was_left_tells_what_redis_forgot_before_it(
    redis: Server, tmp_path: Path
) -> None:
    """Its worker was killed, and the Redis that came back had less than when it went."""
    async with opened(redis.url, tmp_path) as parts:
        await parts.recorder.apply("gone", 0, 20, [Numbered(20, entry(20))])
        journal = Journal(tmp_path / "journal", "gone", max_bytes=10**6)
        journal.append([Numbered(number, entry(number)) for number in range(31, 41)])
        journal.close()
        await until_told(parts, 11, 10)
        await until(lambda: not journal.path.exists(), "the journal to be applied")


async def test_what_was_in_a_journal_that_was_left_is_sent_again_too(
    redis: Server, tmp_path: Path
) -> None:
    async with opened(redis.url, tmp_path) as parts:
        journal = Journal(tmp_path / "journal", "gone", max_bytes=10**6)
        journal.append([Numbered(number, entry(number)) for number in range(1, 11)])
        journal.close()
        await until(lambda: not journal.path.exists(), "the journal to be applied")
        await until_told(parts, 10, 0)
        redis.empty()
        await until_told(parts, 10, 0)


KILLED = """
import asyncio, os, sys
from pathlib import Path
from tests.ledger.building import entry, opened

async def main():
    async with opened(sys.argv[1], Path(sys.argv[2])) as parts:
        for number in range(20):
            await parts.ledger.post(entry(number))
        os.kill(os.getpid(), 9)

asyncio.run(main())
"""


async def test_what_only_a_killed_worker_could_send_again_is_gone(
    redis: Server, tmp_path: Path
) -> None:
    """As the documentation says: its memory is gone with it."""
    run = [sys.executable, "-c", KILLED, redis.url, str(tmp_path)]
    assert await asyncio.to_thread(subprocess.call, run) == -9
    async with opened(redis.url, tmp_path) as parts:
        await until_told(parts, 20, 0)
        redis.empty()
        await post(parts, range(20, 25))
        await until_told(parts, 5, 0)


def batch(first: int, number: int, charges: int = 0) -> list[Numbered]:
    paid = tuple(Charge(f"k{n}", 1) for n in range(charges))
    return [Numbered(n, entry(n, charges=paid)) for n in range(first, first + number)]


def numbers(entries: Sequence[Numbered]) -> list[int]:
    return [numbered.number for numbered in entries]


def test_the_newest_are_kept_within_both_bounds() -> None:
    kept = Kept(seconds=10, max_bytes=5 * (ENTRY_BYTES + 2 * CHARGE_BYTES))
    kept.keep(0.0, batch(1, 2, charges=2))
    kept.keep(5.0, batch(3, 3, charges=2))
    assert numbers(kept.entries) == [1, 2, 3, 4, 5]
    kept.keep(6.0, batch(6, 1, charges=2))
    assert numbers(kept.entries) == [3, 4, 5, 6]
    kept.forget(15.5)
    assert numbers(kept.entries) == [6]
    kept.forget(16.5)
    assert kept.newest_at is None


def test_what_is_taken_back_is_no_longer_kept() -> None:
    kept = Kept(seconds=10, max_bytes=10**6)
    kept.keep(0.0, batch(1, 3))
    kept.keep(1.0, batch(4, 3))
    assert numbers(kept.take_back(2)) == [3, 4, 5, 6]
    assert numbers(kept.entries) == [1, 2]
    assert numbers(kept.take_back(2)) == []
    assert numbers(kept.take_back(0)) == [1, 2]
    assert kept.newest_at is None


@given(
    steps=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 5), st.integers(0, 3)), max_size=20),
    marks=st.lists(st.integers(0, 150), max_size=4),
)
def test_what_was_taken_is_counted_by_minutes_whatever_was_left_out(
    steps: list[tuple[int, int, int]], marks: list[int]
) -> None:
    taken, model, number, minute = Taken(), dict[int, int](), 0, 0
    for skipped, taking, minutes in steps:
        number, minute = number + skipped, minute + minutes
        asked_at = NOON + minute * 60_000
        entries = [Numbered(number + n, entry(n, asked_at=asked_at)) for n in range(1, taking + 1)]
        taken.add(entries)
        number += taking
        taken.mark = number
        model.update((one.number, asked_at) for one in entries)
    for mark in sorted(marks, reverse=True):
        wanted: dict[int, int] = {}
        for known in [known for known in model if known > mark]:
            asked_at = model.pop(known)
            wanted[asked_at] = wanted.get(asked_at, 0) + 1
        found: dict[int, int] = {}
        for number, asked_at in taken.go_back(mark, taken.known) if mark < taken.mark else ():
            found[asked_at] = found.get(asked_at, 0) + number
        assert found == wanted


def test_what_nobody_knows_the_time_of_is_of_the_first_that_is_known() -> None:
    taken = Taken(10, NOON)
    assert taken.go_back(4, taken.known) == [Forgotten(6, NOON)]
