"""What a ledger does with entries while Redis is there, is not, and is back."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from otel import names
from service.ledger.abandoned import Adopted
from service.ledger.entry import Charge, Entry, Numbered, Recorded
from service.ledger.journal import Journal
from service.ledger.ledger import Ledger
from service.ledger.lines import read_line, write_line
from service.redis_store import StoreUnavailable
from tests.ledger.building import NOON, Opened, entry, opened, until
from tests.ledger.servers import Server

JOURNAL_AND_WAIT = """
import asyncio, sys
from pathlib import Path
from tests.ledger.building import entry, opened

async def main():
    async with opened(sys.argv[1], Path(sys.argv[2])) as parts:
        answers = [parts.ledger.post(entry(number)) for number in range(300)]
        assert {(await answer).outcome for answer in answers} == {"journaled"}
        print("ready", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def outcomes(ledger: Ledger, entries: list[Entry]) -> set[str]:
    answers = await asyncio.gather(*(ledger.post(one) for one in entries))
    return {recorded.outcome for recorded in answers}


async def requests(parts: Opened) -> int:
    return (await parts.reader.usage("today")).totals.requests


def dropped(parts: Opened, kind: str) -> float:
    return parts.telemetry.value(names.LEDGER_DROPPED, error_type=kind) or 0


async def test_entries_wait_on_disk_while_redis_is_away_and_are_applied_once(
    own_redis: Server, tmp_path: Path
) -> None:
    async with opened(own_redis.url, tmp_path) as parts:
        ledger = parts.ledger
        assert await outcomes(ledger, [entry(n) for n in range(5)]) == {"applied"}
        own_redis.kill()
        assert await outcomes(ledger, [entry(n) for n in range(5, 500)]) == {"journaled"}
        assert not ledger.available
        assert ledger.pending == 495
        assert await ledger.waiting()
        assert parts.telemetry.value(names.LEDGER_PENDING) == 495
        own_redis.start()
        await until(lambda: ledger.pending == 0 and ledger.available, "Redis to have them")
        assert await requests(parts) == 500
        assert not await ledger.waiting()
        assert (await parts.reader.usage("today")).complete
        assert await outcomes(ledger, [entry(500)]) == {"applied"}
    assert not list((tmp_path / "journal").iterdir())


async def test_usage_is_not_complete_while_entries_wait(own_redis: Server, tmp_path: Path) -> None:
    line = write_line(Numbered(1, entry(1)))
    journal = Journal(tmp_path / "journal", "other", max_bytes=10**6)
    journal.append([Numbered(1, entry(1))])
    assert journal.size == len(line)
    async with opened(own_redis.url, tmp_path) as parts:
        assert not (await parts.reader.usage("today")).complete
        journal.close()
        await until(lambda: not journal.path.exists(), "the journal to be adopted")
        assert (await parts.reader.usage("today")).complete


async def test_a_journal_that_cannot_be_dealt_with_keeps_no_other_waiting(
    own_redis: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journals = [Journal(tmp_path / "journal", name, max_bytes=10**6) for name in ("a", "b", "c")]
    for number, journal in enumerate(journals):
        journal.append([Numbered(1, entry(number))])
        journal.close()
    finish, hindered = Adopted.finish, [True]

    def finish_unless_hindered(adopted: Adopted) -> None:
        if adopted.path == journals[0].path and hindered[0]:
            raise PermissionError(1, "Operation not permitted")
        finish(adopted)

    monkeypatch.setattr(Adopted, "finish", finish_unless_hindered)
    async with opened(own_redis.url, tmp_path) as parts:
        await until(lambda: not any(one.path.exists() for one in journals[1:]), "the others")
        assert journals[0].path.exists()
        _, adopting = parts.ledger.background
        await until(lambda: adopting.problem is not None, "it to be told")
        hindered[0] = False
        await until(lambda: not journals[0].path.exists(), "the first one")
        await until(lambda: adopting.problem is None, "it to be over")
        await until_counted(parts, 3)


async def test_what_redis_forgot_is_sent_again(own_redis: Server, tmp_path: Path) -> None:
    """Also where nobody posts anything any more."""
    async with opened(own_redis.url, tmp_path) as parts:
        assert await outcomes(parts.ledger, [entry(0)]) == {"applied"}
        before = own_redis.bytes_on_disk()
        assert await outcomes(parts.ledger, [entry(n) for n in range(1, 400)]) == {"applied"}
        own_redis.kill()
        own_redis.forget(own_redis.bytes_on_disk() - before)
        own_redis.start()
        await until_counted(parts, 400)


async def until_counted(parts: Opened, number: int) -> None:
    """Poll until Redis answers and has counted so many requests."""
    found: int | None = None
    for _ in range(1000):
        with suppress(StoreUnavailable):
            found = await requests(parts)
        if found == number:
            return
        await asyncio.sleep(0.01)
    pytest.fail(f"{found} requests are counted, not {number}")


async def test_what_is_torn_in_the_file_is_not_counted_twice_after_the_next_crash(
    every_redis: Server, tmp_path: Path
) -> None:
    """Redis leaves the beginning of a script it drops in its file, and applies it later."""
    every_redis.empty()
    async with opened(every_redis.url, tmp_path) as parts:
        assert await outcomes(parts.ledger, [entry(0, user="a")]) == {"applied"}
        for crash in range(1, 5):
            assert await outcomes(parts.ledger, [entry(crash, user="a")]) == {"applied"}
            every_redis.kill()
            every_redis.forget(10 if crash % 2 else 400)
            every_redis.start()
            await until_counted(parts, crash + 1)
        every_redis.kill()
        every_redis.start()
        await until_counted(parts, 5)
        usage = await parts.reader.usage("today")
        assert usage.totals.requests == usage.by_user["a"].requests == 5
        assert usage.totals.cost_usd == usage.by_user["a"].cost_usd == "0.0000007"


async def test_a_batch_whose_answer_was_lost_is_not_applied_again(
    own_redis: Server, tmp_path: Path
) -> None:
    """Redis hangs with the batch in its hands, and applies it when it goes on."""
    async with opened(own_redis.url, tmp_path, timeout=0.3) as parts:
        assert await outcomes(parts.ledger, [entry(0)]) == {"applied"}
        own_redis.pause()
        assert await outcomes(parts.ledger, [entry(n) for n in range(1, 50)]) == {"journaled"}
        own_redis.resume()
        await until(lambda: parts.ledger.pending == 0 and parts.ledger.available, "Redis")
        assert await requests(parts) == 50
        assert await outcomes(parts.ledger, [entry(n) for n in range(60)]) == {
            "applied",
            "duplicate",
        }
        assert await requests(parts) == 60


async def test_a_killed_worker_s_journal_is_applied_once_by_whoever_comes_first(
    own_redis: Server, tmp_path: Path
) -> None:
    own_redis.kill()
    with subprocess.Popen(
        [sys.executable, "-c", JOURNAL_AND_WAIT, own_redis.url, str(tmp_path)],
        stdout=subprocess.PIPE,
    ) as worker:
        assert worker.stdout is not None
        line = await asyncio.to_thread(worker.stdout.readline)
        worker.send_signal(signal.SIGKILL)
    assert line == b"ready\n"
    (file,) = (tmp_path / "journal").iterdir()
    with file.open("ab") as torn:
        torn.write(write_line(Numbered(301, entry(999)))[:-40])
    own_redis.start()
    async with opened(own_redis.url, tmp_path) as one, opened(own_redis.url, tmp_path) as other:
        await until(lambda: not file.exists(), "the journal to be applied")
        assert await requests(one) == await requests(other) == 300
        assert dropped(one, "journal_failed") + dropped(other, "journal_failed") == 1


async def test_a_full_journal_is_counted_and_told_once(
    own_redis: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    size = len(write_line(Numbered(10, entry(1))))
    own_redis.kill()
    async with opened(
        own_redis.url, tmp_path, journal_max_bytes=size * 20, memory_max_bytes=0
    ) as parts:
        said = [parts.ledger.post(entry(n)) for n in range(50)]
        told = [(await answer).outcome for answer in said]
        assert told == ["journaled"] * 20 + ["dropped"] * 30
        assert (await parts.ledger.post(entry(51))).outcome == "dropped"
        assert dropped(parts, "journal_full") == 31
        assert caplog.text.count("the journal is full") == 1
        own_redis.start()
        await until(lambda: parts.ledger.pending == 0 and parts.ledger.available, "Redis")
        assert await requests(parts) == 20


async def test_a_disk_that_fails_is_counted(
    own_redis: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "journal").write_text("a file where a folder should be")
    own_redis.kill()
    async with opened(own_redis.url, tmp_path, memory_max_bytes=0) as parts:
        assert await outcomes(parts.ledger, [entry(n) for n in range(3)]) == {"dropped"}
        assert dropped(parts, "journal_failed") == 3
        assert "the journal cannot be written" in caplog.text
        own_redis.start()
        await until(lambda: parts.ledger.available, "Redis")
        assert await outcomes(parts.ledger, [entry(9)]) == {"applied"}


async def test_closing_writes_to_disk_what_redis_does_not_take(
    own_redis: Server, tmp_path: Path
) -> None:
    own_redis.kill()
    async with opened(own_redis.url, tmp_path) as parts:
        answers = [parts.ledger.post(entry(n)) for n in range(10)]
        await parts.ledger.close()
        assert {(await answer).outcome for answer in answers} == {"journaled"}
        late = await parts.ledger.post(entry(11))
        assert late.outcome == "dropped"
    own_redis.start()
    async with opened(own_redis.url, tmp_path) as parts:
        await until(lambda: not list((tmp_path / "journal").iterdir()), "the journal")
        assert await requests(parts) == 10


async def test_closing_sends_what_is_left(redis: Server, tmp_path: Path) -> None:
    async with opened(redis.url, tmp_path) as parts:
        answers = [parts.ledger.post(entry(n)) for n in range(1000)]
        await parts.ledger.close()
        assert {answer.result().outcome for answer in answers} == {"applied"}


async def test_a_redis_without_memory_is_one_that_is_away(
    own_redis: Server, tmp_path: Path
) -> None:
    async with opened(own_redis.url, tmp_path) as parts:
        assert own_redis.ask(b"CONFIG SET maxmemory 1").startswith(b"+OK")
        assert await outcomes(parts.ledger, [entry(n) for n in range(5)]) == {"journaled"}
        assert own_redis.ask(b"CONFIG SET maxmemory 0").startswith(b"+OK")
        await until(lambda: parts.ledger.pending == 0, "memory")
        assert await requests(parts) == 5


async def test_a_charge_replaces_its_reservation_once(redis: Server, tmp_path: Path) -> None:
    window = "gaugeway:{ledger}:budget:team"
    ends = NOON * 2

    async def reserve(client: Any) -> None:
        await client.hset(window, mapping={"reserved": "700", "spent": "9007199254740993"})
        await client.hset(f"{window}:leases", mapping={"mine": "300", "other": "400"})
        await client.zadd(f"{window}:expiry", {"mine": 1, "other": 2})

    async with opened(redis.url, tmp_path) as parts:
        await parts.redis.run("HSET", reserve)
        one = entry(1, charges=(Charge(window, 100, "mine", ends), Charge(window, 7)))
        recorded = await parts.ledger.post(one)
        states = [(state.spent, state.reserved) for state in recorded.charges]
        # Beyond what a double can hold exactly.
        assert states == [(9007199254741093, 400), (9007199254741100, 400)]
        assert await parts.ledger.post(one) == Recorded("duplicate")
        gone = entry(2, charges=(Charge(window, 0, "mine"), Charge(window, 0, "unknown")))
        again = await parts.ledger.post(gone)
        assert {(state.spent, state.reserved) for state in again.charges} == {
            (9007199254741100, 400)
        }

        async def read(client: Any) -> tuple[Any, ...]:
            return (
                await client.hgetall(f"{window}:leases"),
                await client.zrange(f"{window}:expiry", 0, -1),
                await client.pttl(window),
            )

        leases, expiry, left = await parts.redis.run("HGETALL", read)
        assert leases == {b"other": b"400"}
        assert expiry == [b"other"]
        assert left > 0


async def test_a_budget_that_is_full_stays_full(redis: Server, tmp_path: Path) -> None:
    window = "gaugeway:{ledger}:budget:huge"
    largest = 2**63 - 1
    async with opened(redis.url, tmp_path) as parts:
        charges = (Charge(window, largest - 5, None, NOON * 2),)
        await parts.ledger.post(entry(1, charges=charges))
        recorded = await parts.ledger.post(entry(2, charges=charges))
        assert recorded.charges[0].spent == largest


async def test_a_key_that_holds_something_else_harms_nothing_but_itself(
    redis: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(redis.url, tmp_path) as parts:
        prefix = "gaugeway:{ledger}:usage:day:2035-11-21:"
        await parts.redis.run("SET", lambda client: client.set(f"{prefix}model", "not a hash"))
        assert await outcomes(parts.ledger, [entry(1)]) == {"applied"}
        assert f"{prefix}model" in caplog.text
        assert parts.telemetry.value(names.LEDGER_DROPPED, error_type="key_damaged") == 1
        usage = await parts.reader.usage("month")
        assert usage.by_model["gpt-4o-mini"].requests == 1


@pytest.mark.parametrize("value", ["plain", "\ud800 \x00 \x1f", "ü" * 500])
def test_a_line_of_a_journal_reads_as_it_was_written(value: str) -> None:
    one = Numbered(
        2**60,
        entry(1, model=value, cost=None, charges=(Charge("k", 2**62, "lease", 5), Charge("l", 0))),
    )
    line = write_line(one)
    assert read_line(line) == one
    assert line.count(b"\n") == 1
    assert read_line(line[:-1]) is None
    assert read_line(line.replace(b"chat", b"shat")) is None


def test_a_journal_is_read_in_parts_whatever_lies_between(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "w", max_bytes=10**7)
    entries = [Numbered(n, entry(n, app="x" * 300)) for n in range(1, 3001)]
    journal.append(entries[:1500])
    size = journal.size
    with journal.path.open("ab") as file:
        file.write(b"not a line\n\r\xff\n")
    os.truncate(journal.path, size)
    journal.append(entries[1500:])
    found: list[Numbered] = []
    position = 0
    while (part := journal.read(position, 700)).position > position:
        found += part.entries
        position = part.position
        assert part.damaged == 0
    assert found == entries
    journal.close()
