"""How long what is written stays: every key has an end, ids that of the dedupe window."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from service.ledger.calendar import PREFIX, Calendar, Retention
from service.ledger.entry import Charge
from tests.ledger.building import Opened, entry, opened, until
from tests.ledger.servers import Server


async def ends(parts: Opened) -> dict[str, int]:
    """When each key will be gone, in seconds since the epoch; less than now where never."""

    async def read(redis: Any) -> dict[str, int]:
        found = {key.decode(): await redis.ttl(key) for key in await redis.keys("*")}
        return {key: round(time.time()) + left for key, left in found.items() if left}

    return await parts.redis.run("TTL", read)


async def test_every_key_of_an_entry_has_an_end_by_what_it_is(
    redis: Server, tmp_path: Path
) -> None:
    now = int(time.time())
    window = Charge(f"{PREFIX}budget:b", 5, None, (now + 1_000) * 1_000)
    one = entry(
        1, asked_at=now * 1_000, user="u", component="c", error="e", charges=(window, window)
    )
    async with opened(redis.url, tmp_path, dedupe_seconds=7_200) as parts:
        assert (await parts.ledger.post(one)).outcome == "applied"
        found = await ends(parts)
    assert [key for key, moment in found.items() if moment <= now] == []
    buckets = Calendar("UTC", Retention()).buckets(now * 1_000)
    for bucket in buckets:
        of_bucket = {moment for key, moment in found.items() if key.startswith(bucket.prefix)}
        assert of_bucket, bucket
        assert all(abs(moment - bucket.expires_at) <= 2 for moment in of_bucket), bucket
    (seen,) = (moment for key, moment in found.items() if ":seen:" in key)
    assert abs(seen - now - 7_200) <= 5
    assert abs(found[window.key] - now - 1_000) <= 2


async def test_an_id_is_known_to_every_writer_until_the_dedupe_window_is_over(
    redis: Server, tmp_path: Path
) -> None:
    now = datetime.now(UTC)
    one = entry(1, asked_at=int(now.timestamp() * 1_000))
    async with (
        opened(redis.url, tmp_path, now=lambda: now) as first,
        opened(redis.url, tmp_path, now=lambda: now) as second,
    ):
        assert (await first.ledger.post(one)).outcome == "applied"
        for parts in (second, first, second):
            assert (await parts.ledger.post(one)).outcome == "duplicate"
        (seen,) = (key for key in await ends(first) if ":seen:" in key)
        assert redis.ask(f"PEXPIRE {seen} 1".encode()) == b":1\r\n"
        await until(lambda: redis.ask(b"KEYS *seen*") == b"*0\r\n", "the window to be over")
        assert (await second.ledger.post(one)).outcome == "applied"
        assert (await first.reader.usage("month")).totals.requests == 2
