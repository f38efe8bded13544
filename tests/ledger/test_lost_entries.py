"""What Redis took, forgot and was not there to take again is not lost."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from otel.testing import recorded
from service.ledger.calendar import Calendar
from service.ledger.ledger import Ledger
from service.ledger.recording import Applied, Elsewhere, Numbered, Recorder, Repeated
from service.ledger.scripts import ScriptQueue
from service.redis_store import RedisStore, StoreUnavailable
from tests.ledger.building import entry, opened, until
from tests.ledger.servers import Server


class GoneAfterItsMark(Recorder):
    """A Redis that, once `leaving`, tells its mark and then answers no more."""

    leaving = False
    gone = False

    async def mark(self, writer: str, expected: int) -> int:
        found = await super().mark(writer, expected)
        self.gone = self.leaving
        return found

    async def apply(
        self, writer: str, after: int, last: int, batch: Sequence[Numbered]
    ) -> Applied | Elsewhere | Repeated:
        if self.gone:
            raise StoreUnavailable("It is gone again.")
        return await super().apply(writer, after, last, batch)


@pytest.mark.parametrize("later", [0, 3])
async def test_what_redis_forgot_is_on_disk_when_it_goes_away_before_it_has_it_again(
    redis: Server, tmp_path: Path, later: int
) -> None:
    store = RedisStore(redis.url, timeout=1, pool_size=2)
    recorder = GoneAfterItsMark(ScriptQueue(store), Calendar("UTC"))
    with recorded() as telemetry:
        ledger = Ledger(
            recorder,
            home=tmp_path,
            journal_max_bytes=10**6,
            instruments=telemetry.telemetry.instruments,
            retry_seconds=0.1,
            confirm_seconds=0.1,
        )
        await ledger.start()
        try:
            for number in range(5):
                assert (await ledger.post(entry(number))).outcome == "applied"
            recorder.leaving = True
            redis.empty()
            await until(lambda: not ledger.available, "Redis to be found gone")
            for number in range(5, 5 + later):
                assert (await ledger.post(entry(number))).outcome == "journaled"
        finally:
            await ledger.close()
            await store.close()
    async with opened(redis.url, tmp_path) as parts:
        await until(lambda: not list((tmp_path / "journal").glob("*.jsonl")), "its adoption")
        totals = (await parts.reader.usage("today")).totals
    assert totals.requests == 5 + later
    assert totals.cost_usd == f"{0.00000014 * (5 + later):.8f}".rstrip("0")


async def test_a_journal_whose_worker_died_before_it_had_its_name_goes_away(
    redis: Server, tmp_path: Path
) -> None:
    folder = tmp_path / "journal"
    folder.mkdir()
    left, made = folder / "host-1-dead.new", folder / "host-2-alive.new"
    left.touch()
    made.touch()
    os.utime(left, (1, 1))
    async with opened(redis.url, tmp_path):
        await until(lambda: not left.exists(), "it to go away")
    assert made.exists()
