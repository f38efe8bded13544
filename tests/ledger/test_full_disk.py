"""A disk that takes no entries while Redis is away: a real one, small and full."""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from otel import names
from service.ledger.entry import Entry, Numbered
from service.ledger.journal_parts import read_part
from service.ledger.lines import write_line
from tests.disks import Disk, small_disk
from tests.ledger.building import NOON, Opened, entry, opened, until
from tests.ledger.servers import Server

LINE = len(write_line(Numbered(100, entry(100))))
PICODOLLARS_EACH = 140_000
DAY_MS = 86_400_000


@pytest.fixture
def disk(tmp_path: Path) -> Generator[Disk]:
    with small_disk(tmp_path / "home") as mounted:
        yield mounted


async def outcomes(parts: Opened, entries: list[Entry]) -> list[str]:
    answers = await asyncio.gather(*(parts.ledger.post(one) for one in entries))
    return [recorded.outcome for recorded in answers]


async def back(parts: Opened) -> None:
    await until(lambda: parts.ledger.available and not parts.ledger.pending, "Redis to have all")


def said(caplog: pytest.LogCaptureFixture, text: str) -> list[str]:
    return [record.message for record in caplog.records if text in record.message]


def lost(parts: Opened) -> float:
    return parts.telemetry.value(names.LEDGER_DROPPED) or 0


async def test_entries_are_kept_in_memory_and_written_once_the_disk_has_room(
    own_redis: Server, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(own_redis.url, disk.path) as parts:
        ledger = parts.ledger
        own_redis.kill()
        disk.fill()
        assert set(await outcomes(parts, [entry(n) for n in range(40)])) == {"held"}
        for n in range(40, 60):
            assert await outcomes(parts, [entry(n)]) == ["held"]
        assert (ledger.pending, ledger.held) == (60, 60)
        assert parts.telemetry.value(names.LEDGER_PENDING) == 60
        begun = said(caplog, "takes no usage entries: No space left on device")
        assert len(begun) == 1
        assert str(disk.path / "journal") in begun[0]
        assert "has room" in begun[0]
        disk.free()
        await until(lambda: ledger.held == 0, "the disk to take them")
        assert ledger.pending == 60
        assert await outcomes(parts, [entry(60)]) == ["journaled"]
        assert len(said(caplog, "takes usage entries again: 60 that were kept in memory")) == 1
        own_redis.start()
        await back(parts)
        usage = await parts.reader.usage("today")
        assert (usage.totals.requests, usage.complete, usage.lost.requests) == (61, True, 0)
        assert usage.totals.cost_usd == "0.00000854"
        assert lost(parts) == 0
    assert not list((disk.path / "journal").iterdir())
    assert [path.suffix for path in (disk.path / "losses").iterdir()] == [".room"]


async def test_redis_takes_them_from_memory_where_it_is_back_before_the_disk(
    own_redis: Server, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(own_redis.url, disk.path) as parts:
        assert await outcomes(parts, [entry(n) for n in range(10)]) == ["applied"] * 10
        own_redis.kill()
        disk.fill()
        assert set(await outcomes(parts, [entry(n) for n in range(10, 1_000)])) == {"held"}
        own_redis.start()
        await back(parts)
        assert (await parts.reader.usage("today")).totals.requests == 1_000
        assert (await parts.reader.usage("today")).complete
        assert not said(caplog, "takes usage entries again: 0 that were kept")
        disk.free()
        await until(lambda: said(caplog, "entries again: 0 that were kept"), "the disk's end")
        assert len(said(caplog, "Redis takes usage entries again: 990 that waited")) == 1
    assert len([one for one in caplog.records if one.levelno >= logging.WARNING]) == 4


@pytest.mark.parametrize("left", [0, 1, 2, 3])
async def test_a_disk_that_is_full_half_way_through_a_line_leaves_whole_ones(
    own_redis: Server, disk: Disk, left: int
) -> None:
    own_redis.kill()
    async with opened(own_redis.url, disk.path) as parts:
        disk.fill(leave=left * 4096)
        told = await outcomes(parts, [entry(n) for n in range(100)])
        on_disk = told.count("journaled")
        assert told == ["journaled"] * on_disk + ["held"] * (100 - on_disk)
        lines = [len(write_line(Numbered(n + 1, entry(n)))) for n in range(100)]
        assert on_disk == sum(sum(lines[: n + 1]) <= left * 4096 for n in range(100))
        if left:
            (journal,) = (disk.path / "journal").iterdir()
            with journal.open("rb") as file:
                part = read_part(file.fileno(), 0, 1_000, end=journal.stat().st_size)
            assert part.damaged == 0
            assert [one.number for one in part.entries] == list(range(1, on_disk + 1))
        own_redis.start()
        await back(parts)
        assert (await parts.reader.usage("today")).totals.requests == 100


async def test_what_exceeds_memory_is_lost_and_counted_in_its_periods(
    own_redis: Server, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    room = 20
    async with opened(own_redis.url, disk.path, memory_max_bytes=LINE * room) as parts:
        own_redis.kill()
        disk.fill()
        told = await outcomes(parts, [entry(100 + n) for n in range(room + 5)])
        assert told == ["held"] * room + ["dropped"] * 5
        unpriced = entry(200, cost=None, asked_at=NOON - DAY_MS * 40)
        assert await outcomes(parts, [unpriced, entry(201)]) == ["dropped"] * 2
        assert lost(parts) == parts.ledger.lost == 7
        assert len(said(caplog, "Entries of the usage ledger are lost")) == 1
        own_redis.start()
        await back(parts)
        await until(lambda: parts.ledger.lost == 0, "Redis to know")
        for period in ("today", "week", "month"):
            usage = await parts.reader.usage(period)
            assert usage.totals.requests == room
            assert not usage.complete
            assert usage.lost.requests == 6
            assert usage.lost.cost_usd == f"{6 * PICODOLLARS_EACH / 10**12:.8f}"
            assert usage.lost.unpriced_requests == 0
        yesterday = await parts.reader.usage("yesterday")
        assert (yesterday.complete, yesterday.lost.requests) == (True, 0)
        days = await parts.reader.history(60)
        found = {day.date: day.lost for day in days if day.lost.requests}
        assert {date: one.requests for date, one in found.items()} == {
            "2035-10-12": 1,
            "2035-11-21": 6,
        }
        assert found["2035-10-12"].unpriced_requests == 1


async def test_nothing_is_lost_that_the_disk_could_take(own_redis: Server, disk: Disk) -> None:
    async with opened(own_redis.url, disk.path, memory_max_bytes=LINE * 20) as parts:
        own_redis.kill()
        disk.fill()
        assert await outcomes(parts, [entry(100 + n) for n in range(20)]) == ["held"] * 20
        disk.free()
        # At once, though nobody has looked at the disk since.
        assert await outcomes(parts, [entry(200 + n) for n in range(20)]) == ["journaled"] * 20
        assert parts.ledger.held == 0


async def test_what_was_lost_is_known_after_a_restart_and_counted_once(
    own_redis: Server, disk: Disk
) -> None:
    """It is written where room was taken while there was some."""
    own_redis.kill()
    async with opened(own_redis.url, disk.path, memory_max_bytes=LINE * 5) as parts:
        disk.fill()
        told = await outcomes(parts, [entry(100 + n) for n in range(8)])
        assert told == ["held"] * 5 + ["dropped"] * 3
    # What was in memory alone went with the process.
    disk.free()
    own_redis.start()
    for _ in range(2):
        async with opened(own_redis.url, disk.path) as parts:
            await until(lambda: not any_lost(disk), "the file to be taken over")
            usage = await parts.reader.usage("today")
            assert usage.lost.requests == 8
            assert usage.lost.cost_usd == f"{8 * PICODOLLARS_EACH / 10**12:.8f}"
            assert not usage.complete
            assert usage.totals.requests == 0


async def test_a_worker_that_starts_on_a_full_disk_has_the_room_of_one_before(
    own_redis: Server, disk: Disk
) -> None:
    async with opened(own_redis.url, disk.path), opened(own_redis.url, disk.path):
        pass
    disk.fill()
    own_redis.kill()
    async with opened(own_redis.url, disk.path) as parts:
        assert await outcomes(parts, [entry(1), entry(2)]) == ["held"] * 2
    disk.free()
    own_redis.start()
    async with opened(own_redis.url, disk.path) as parts:
        await until(lambda: not any_lost(disk), "the file to be taken over")
        usage = await parts.reader.usage("today")
        assert (usage.lost.requests, usage.complete) == (2, False)
    spares = list((disk.path / "losses").iterdir())
    assert len(spares) == 2
    assert not any(path.read_bytes().strip() for path in spares)


async def test_room_for_losses_is_taken_once_there_is_some(own_redis: Server, disk: Disk) -> None:
    disk.fill()
    async with opened(own_redis.url, disk.path, memory_max_bytes=0) as parts:
        own_redis.kill()
        assert await outcomes(parts, [entry(1)]) == ["dropped"]
        disk.free()
        await until(lambda: any_lost(disk), "the file to be there")
        remove(disk.path / "losses")
        await until(lambda: any_lost(disk), "the file to be there again")
        own_redis.start()
        await until(lambda: parts.ledger.lost == 0, "Redis to know")
        assert (await parts.reader.usage("today")).lost.requests == 1


def any_lost(disk: Disk) -> bool:
    for path in (disk.path / "losses").glob("*.lost"):
        with suppress(FileNotFoundError):
            if path.read_bytes().strip():
                return True
    return False


FILL_AND_WAIT = """
import asyncio, sys
from pathlib import Path
from tests.disks import Disk
from tests.ledger.building import entry, opened

async def main():
    async with opened(sys.argv[1], Path(sys.argv[2]), memory_max_bytes=0) as parts:
        Disk(Path(sys.argv[2])).fill()
        answers = [parts.ledger.post(entry(number)) for number in range(30)]
        assert {(await answer).outcome for answer in answers} == {"dropped"}
        await asyncio.sleep(1)
        print("ready", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_what_a_killed_worker_lost_is_told_once_by_whoever_comes_first(
    own_redis: Server, disk: Disk
) -> None:
    own_redis.kill()
    with subprocess.Popen(
        [sys.executable, "-c", FILL_AND_WAIT, own_redis.url, str(disk.path)],
        stdout=subprocess.PIPE,
    ) as worker:
        assert worker.stdout is not None
        line = await asyncio.to_thread(worker.stdout.readline)
        worker.send_signal(signal.SIGKILL)
    assert line == b"ready\n"
    own_redis.start()
    # The disk is still full: what a worker leaves must be taken up all the same.
    async with opened(own_redis.url, disk.path) as one, opened(own_redis.url, disk.path):
        await until(lambda: not any_lost(disk), "the file to be taken over")
        assert (await one.reader.usage("today")).lost.requests == 30


HOLD_AND_WAIT = """
import asyncio, sys
from pathlib import Path
from tests.disks import Disk
from tests.ledger.building import entry, opened

async def main():
    home = Path(sys.argv[2])
    async with opened(sys.argv[1], home) as parts:
        journaled = [parts.ledger.post(entry(number)) for number in range(10)]
        assert {(await answer).outcome for answer in journaled} == {"journaled"}
        Disk(home).fill()
        number = 9
        while (await parts.ledger.post(entry(number := number + 1))).outcome == "journaled":
            pass
        held = [parts.ledger.post(entry(number + n)) for n in range(1, 30)]
        assert {(await answer).outcome for answer in held} == {"held"}
        await asyncio.sleep(1)
        print(number, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_what_a_killed_worker_had_in_memory_alone_is_counted_as_lost(
    own_redis: Server, disk: Disk
) -> None:
    own_redis.kill()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_AND_WAIT, own_redis.url, str(disk.path)],
        stdout=subprocess.PIPE,
    ) as worker:
        assert worker.stdout is not None
        journaled = int(await asyncio.to_thread(worker.stdout.readline))
        worker.send_signal(signal.SIGKILL)
    disk.free()
    own_redis.start()
    async with opened(own_redis.url, disk.path) as one, opened(own_redis.url, disk.path) as other:
        assert not (await one.reader.usage("today")).complete
        await until(lambda: not any_lost(disk), "the file to be taken over", 40)
        usage = await one.reader.usage("today")
        assert (usage.totals.requests, usage.lost.requests) == (journaled, 30)
        assert usage.lost.unpriced_requests == 30
        assert lost(one) + lost(other) == 30


async def test_several_workers_losses_add_up(own_redis: Server, disk: Disk) -> None:
    bound = LINE * 10
    async with (
        opened(own_redis.url, disk.path, memory_max_bytes=bound) as one,
        opened(own_redis.url, disk.path, memory_max_bytes=bound) as other,
    ):
        own_redis.kill()
        disk.fill()
        await outcomes(one, [entry(100 + n) for n in range(13)])
        await outcomes(other, [entry(200 + n) for n in range(14)])
        own_redis.start()
        await back(one)
        await back(other)
        await until(lambda: one.ledger.lost + other.ledger.lost == 0, "Redis to know")
        usage = await one.reader.usage("month")
        assert (usage.totals.requests, usage.lost.requests) == (20, 7)


async def test_losses_that_redis_forgot_are_told_again(own_redis: Server, disk: Disk) -> None:
    async with opened(own_redis.url, disk.path, memory_max_bytes=0) as parts:
        own_redis.kill()
        disk.fill()
        assert await outcomes(parts, [entry(1)]) == ["dropped"]
        own_redis.start()
        await back(parts)
        await until(lambda: parts.ledger.lost == 0, "Redis to know")
        own_redis.empty()
        assert (await parts.reader.usage("today")).lost.requests == 0
        for _ in range(1_000):
            if (await parts.reader.usage("today")).lost.requests == 1:
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("it is not told again")


async def test_a_disk_that_is_read_only_is_one_that_takes_nothing(
    own_redis: Server, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    own_redis.kill()
    disk.lock()
    async with opened(own_redis.url, disk.path) as parts:
        assert set(await outcomes(parts, [entry(n) for n in range(10)])) == {"held"}
        assert len(said(caplog, "Read-only file system")) == 1
        disk.unlock()
        await until(lambda: parts.ledger.held == 0, "the disk to take them")
        own_redis.start()
        await back(parts)
        assert (await parts.reader.usage("today")).totals.requests == 10


def remove(home: Path) -> None:
    """At once: what is removed file by file may be there again meanwhile."""
    shutil.rmtree(home.rename(home.with_name("removed")))


async def test_a_journal_whose_home_is_removed_is_written_anew(
    own_redis: Server, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    async with opened(own_redis.url, home) as parts:
        own_redis.kill()
        assert set(await outcomes(parts, [entry(n) for n in range(10)])) == {"journaled"}
        (journal,) = (home / "journal").iterdir()
        before = journal.read_bytes()
        remove(home)
        await until(journal.exists, "the journal to be there again")
        assert journal.read_bytes() == before
        assert await outcomes(parts, [entry(10)]) == ["journaled"]
        remove(home)
        home.write_text("a file in its place")
        assert await outcomes(parts, [entry(11)]) == ["held"]
        home.unlink()
        await until(lambda: parts.ledger.held == 0, "the disk to take it")
        assert journal.read_bytes().startswith(before)
        own_redis.start()
        await back(parts)
        assert (await parts.reader.usage("today")).totals.requests == 12


async def test_a_redis_that_is_read_and_takes_no_writes_is_not_back(
    own_redis: Server, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing waits that would find it out: memory has no room, and the disk neither."""
    async with opened(own_redis.url, disk.path, memory_max_bytes=0) as parts:
        assert await outcomes(parts, [entry(1)]) == ["applied"]
        assert own_redis.ask(b"CONFIG SET min-replicas-to-write 1").startswith(b"+OK")
        disk.fill()
        for n in range(2, 30):
            assert await outcomes(parts, [entry(n)]) == ["dropped"]
            await asyncio.sleep(0.02)
            assert not parts.ledger.available
        assert len(said(caplog, "Redis takes no usage entries")) == 1
        assert own_redis.ask(b"CONFIG SET min-replicas-to-write 0").startswith(b"+OK")
        await back(parts)
        await until(lambda: parts.ledger.lost == 0, "Redis to know")
        assert len(said(caplog, "Redis takes usage entries again")) == 1
        usage = await parts.reader.usage("today")
        assert (usage.totals.requests, usage.lost.requests) == (1, 28)


async def test_a_watchful_ledger_knows_of_a_redis_that_is_away_before_anything_is_posted(
    own_redis: Server, tmp_path: Path
) -> None:
    async with opened(own_redis.url, tmp_path, watchful=True) as parts:
        assert parts.ledger.available
        own_redis.kill()
        await until(lambda: not parts.ledger.available, "it to be missed")
        own_redis.start()
        await until(lambda: parts.ledger.available, "it to be found")
        moment = datetime.fromtimestamp(NOON / 1000, UTC)
        assert (await parts.reader.usage("today")).end == moment.isoformat()
