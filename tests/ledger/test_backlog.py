"""What a journal and a backlog hold, whatever the disk does and whenever it does it.

The disk's room is the largest file that this process may write: a write beyond it is cut off in the
middle and refused, as on a disk that is full.
"""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel import names
from otel.testing import recorded
from service.ledger.backlog import Backlog
from service.ledger.calendar import Calendar
from service.ledger.entry import LossKind, Numbered
from service.ledger.journal import Journal, JournalRefused
from service.ledger.journal_parts import read_part
from service.ledger.lines import write_line
from service.ledger.loss_book import LossBook
from service.ledger.loss_file import FILE_BYTES, Contents, LossFile, Lost, Stake, adopt_losses
from service.ledger.loss_recording import LossRecorder
from service.ledger.losses import Losses
from service.ledger.scripts import ScriptQueue
from service.redis_store import RedisStore
from tests.ledger.building import NOON, entry, opened, until
from tests.ledger.servers import Server

LINE = len(write_line(Numbered(10, entry(10))))
ROOM = st.none() | st.integers(0, LINE * 12)
"""How large a file may become; None: as large as it likes."""


@contextmanager
def room(size: int | None) -> Generator[None]:
    """Let no file be larger meanwhile."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard if size is None else size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def fsync_that(fails: bool) -> Any:
    """The disk is found faulty only when it is to keep what it took."""
    failing = OSError(errno.EIO, os.strerror(errno.EIO))
    return patch("os.fsync", side_effect=failing if fails else None)


def on_disk(path: Path) -> list[int]:
    """The numbers in a journal, read as another worker would; fails where a line is damaged."""
    with path.open("rb") as file:
        part = read_part(file.fileno(), 0, 10_000, end=path.stat().st_size)
    assert part.damaged == 0
    return [numbered.number for numbered in part.entries]


STEPS = st.lists(st.tuples(st.integers(1, 6), ROOM, st.booleans()), max_size=12)


@given(STEPS)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
def test_a_journal_holds_whole_lines_of_what_it_took_in_order(
    steps: list[tuple[int, int | None, bool]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder), "worker", max_bytes=LINE * 20)
        taken: list[int] = []
        number = 0
        for count, size, faulty in steps:
            batch = [Numbered(number + n, entry(number + n)) for n in range(1, count + 1)]
            number += count
            with room(size), fsync_that(faulty):
                try:
                    journal.append(batch)
                    written = count
                except JournalRefused as refused:
                    written = refused.written
            taken += [numbered.number for numbered in batch[:written]]
            if journal.path.exists():
                assert on_disk(journal.path) == taken
        journal.close()


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 6), ROOM),
        st.tuples(st.just("flush"), st.just(0), ROOM),
        st.tuples(st.just("probe"), st.just(0), ROOM),
        st.tuples(st.just("apply"), st.integers(1, 4), ROOM),
    ),
    max_size=14,
)


@given(ACTIONS, st.integers(0, LINE * 6))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=60)
def test_an_entry_is_applied_once_and_in_order_or_kept_or_counted_as_lost(
    actions: list[tuple[str, int, int | None]], memory: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, recorded() as telemetry:
        asyncio.run(_play(Path(folder), actions, memory, telemetry))


async def _play(
    folder: Path, actions: list[tuple[str, int, int | None]], memory: int, telemetry: Any
) -> None:
    book = LossBook(LossFile(folder / "worker.lost"), _no_recorder())
    losses = Losses(telemetry.telemetry.instruments, book)
    journal = Journal(folder, "worker", max_bytes=LINE * 20)
    backlog = Backlog(journal, losses, memory_max_bytes=memory)
    number, kept, applied = 0, list[int](), list[int]()
    for action, count, size in actions:
        with room(size):
            if action == "add":
                batch = [Numbered(number + n, entry(number + n)) for n in range(1, count + 1)]
                number += count
                outcomes = await backlog.add(batch)
                kept += [
                    one.number
                    for one, outcome in zip(batch, outcomes, strict=True)
                    if outcome.outcome != "dropped"
                ]
            elif action == "flush":
                await backlog.flush()
            elif action == "probe":
                await backlog.probe()
            elif not backlog.empty:
                waiting = await backlog.read(count)
                assert backlog.done(waiting) == len(waiting.entries) > 0
                applied += [one.number for one in waiting.entries]
                if backlog.empty:
                    await backlog.clear()
        assert kept[: len(applied)] == applied
        assert backlog.pending == len(kept) - len(applied)
        assert backlog.held <= backlog.pending
        lost = number - len(kept)
        assert book.untold == (telemetry.value(names.LEDGER_DROPPED) or 0) == lost
    await backlog.close()
    # What the disk has at the end is what is left, without what the end itself lost.
    left = on_disk(journal.path)[-backlog.pending :] if backlog.pending else []
    assert left == kept[len(applied) : len(applied) + len(left)]
    assert book.untold == number - len(applied) - len(left)


def _no_recorder() -> LossRecorder:
    """Never asked: what is lost is not told here."""
    store = RedisStore("redis://127.0.0.1:1", timeout=1, pool_size=1)
    return LossRecorder(ScriptQueue(store), Calendar())


async def test_a_journal_that_cannot_be_read_is_said_once_and_waits(
    own_redis: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with opened(own_redis.url, tmp_path) as parts:
        own_redis.kill()
        answers = [parts.ledger.post(entry(n)) for n in range(10)]
        assert {(await answer).outcome for answer in answers} == {"journaled"}
        faulty = OSError(errno.EIO, os.strerror(errno.EIO))
        with patch("os.pread", side_effect=faulty):
            own_redis.start()
            await until(lambda: "cannot be read" in caplog.text, "the journal to be read")
            assert (await parts.ledger.post(entry(10))).outcome == "journaled"
            await asyncio.sleep(0.5)
            assert not parts.ledger.available
        await until(lambda: parts.ledger.available and not parts.ledger.pending, "Redis")
        assert (await parts.reader.usage("today")).totals.requests == 11
    assert caplog.text.count("cannot be read") == 1
    assert "Traceback" not in caplog.text


def test_losses_are_read_as_they_were_written_and_fit_in_the_room_that_was_taken(
    tmp_path: Path,
) -> None:
    path = tmp_path / "worker.lost"
    file = LossFile(path)
    file.open()
    assert path.stat().st_size == FILE_BYTES
    stake = Stake(7, 9, "journal_full", {NOON: 2, NOON + 900_000: 1})
    losses = [Lost(n, NOON + n, "journal_full", {"requests": n, "cost": 2**62}) for n in range(90)]
    with room(FILE_BYTES):
        # Nothing can grow: it is written where room is.
        file.write(losses, stake, told=False)
    assert path.stat().st_size == FILE_BYTES
    assert adopt_losses(path) is None
    file.close()
    adopted = adopt_losses(path)
    assert adopted is not None
    assert adopted.read() == Contents(losses, stake)
    adopted.write(losses[:1], None, told=True)
    assert adopted.read() == Contents(losses[:1])
    with path.open("r+b") as torn:
        torn.write(b"\nfff")
    assert adopted.read() == Contents([], damaged=1)
    adopted.remove()
    assert not path.exists()


@pytest.mark.parametrize(
    ("mark", "left"),
    [
        (0, {10: 3, 20: 2}),
        (6, {10: 3, 20: 2}),
        (8, {10: 1, 20: 2}),
        (10, {20: 1}),
        (11, {}),
        (99, {}),
    ],
)
def test_what_redis_had_taken_was_not_lost(mark: int, left: dict[int, int]) -> None:
    assert Stake(7, 11, "journal_failed", {10: 3, 20: 2}).beyond(mark) == left


async def test_losses_of_more_time_than_there_is_room_for_are_counted_together(
    tmp_path: Path,
) -> None:
    file = LossFile(tmp_path / "worker.lost")
    book = LossBook(file, _no_recorder())
    for quarter in range(1_000):
        reasons: tuple[LossKind, ...] = ("journal_full", "journal_failed")
        for reason in reasons:
            book.add(NOON + quarter * 900_000, reason, {"requests": 2, "cost": 3})
    await book.save()
    found = file.read().losses
    assert sum(lost.amounts["requests"] for lost in found) == book.untold == 4_000
    assert {lost.reason for lost in found} == {"journal_full", "journal_failed"}
    assert [lost.number for lost in found] == sorted(lost.number for lost in found)
    file.remove()
