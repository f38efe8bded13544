"""What a usage entry costs: CPU here and in Redis, bytes of its append-only file, and memory.

Entries are posted alone, one after the other, and in groups that go out as one batch. Redis is an
embedded one; nothing else runs in this process, so its CPU time is the ledger's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
import tempfile
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import uvicorn
from opentelemetry.metrics import NoOpMeterProvider

from otel.instruments import instruments_of
from service.ledger.calendar import PREFIX, Calendar
from service.ledger.counters import SEPARATOR
from service.ledger.entry import Entry
from service.ledger.ledger import Ledger
from service.ledger.recording import Recorder
from service.ledger.scripts import ScriptQueue
from service.redis_embedded import EmbeddedRedis
from service.redis_store import RedisStore

GROUPS = (1, 8, 64)
MODELS = 40
USERS = 500
# A tenth of a second to about fifteen: twenty of the ledger's buckets.
LATENCIES_US = tuple(round(100_000 * 1.3**step) for step in range(20))


def entry(number: int) -> Entry:
    """A chat request of one of many models, by one of many users."""
    return Entry(
        id=secrets.token_hex(16),
        asked_at=int(time.time() * 1000),
        trace_id=secrets.token_hex(16),
        operation="chat",
        provider="openai",
        model=f"model-{number % MODELS}",
        target="openai",
        app="bench",
        user=f"{number % USERS:016x}",
        component="search",
        outcome="success",
        latency_us=LATENCIES_US[number // MODELS % len(LATENCIES_US)],
        tokens={"input_tokens": 900, "output_tokens": 120, "cache_read_tokens": 512},
        cost=207_000_000,
    )


async def server_state(redis: RedisStore) -> dict[str, Any]:
    """What Redis tells of itself."""

    async def ask(client: Any) -> dict[str, Any]:
        return await client.info("everything")

    return await redis.run("INFO", ask)


async def measure(ledger: Ledger, redis: RedisStore, *, group: int, entries: int) -> dict[str, Any]:
    """Post entries in groups; each group waits until the one before is in Redis."""
    posted = [entry(number) for number in range(entries)]
    before, cpu, began = await server_state(redis), time.process_time(), time.perf_counter()
    for start in range(0, entries, group):
        await asyncio.gather(*(ledger.post(one) for one in posted[start : start + group]))
    seconds, own = time.perf_counter() - began, time.process_time() - cpu
    after = await server_state(redis)

    def grown(*names: str) -> float:
        return sum(float(after[name]) - float(before[name]) for name in names)

    return {
        "group": group,
        "entries": entries,
        "own_cpu_us": round(own / entries * 1e6, 1),
        "redis_cpu_us": round(grown("used_cpu_user", "used_cpu_sys") / entries * 1e6, 1),
        "file_bytes": round(grown("aof_current_size") / entries),
        "latency_us": round(seconds / entries * group * 1e6, 1),
    }


async def memory(redis: RedisStore) -> dict[str, int]:
    """Bytes of Redis for each entry remembered, and each value and user of one bucket."""
    month = Calendar().buckets(int(time.time() * 1000)).month.prefix

    async def ask(client: Any) -> dict[str, int]:
        async def size(*keys: bytes | str) -> int:
            return sum([await client.memory_usage(key, samples=0) or 0 for key in keys])

        seen = await client.keys(f"{PREFIX}seen:*")
        models, users = f"{month}model", f"{month}user"
        hashes = await client.keys(f"{users}:*")
        return {
            "remembered_entry": await size(*seen) // sum([await client.scard(k) for k in seen]),
            "value": await size(models) // int(await client.hget(models, f"{SEPARATOR}values")),
            "user": await size(users, *hashes) // len(hashes),
        }

    return await redis.run("MEMORY USAGE", ask)


async def run(home: Path, entries: int) -> dict[str, Any]:
    """All groups, on a Redis of their own."""
    embedded = EmbeddedRedis(home)
    redis = RedisStore(await asyncio.to_thread(embedded.start), timeout=5, pool_size=4)
    ledger = Ledger(
        Recorder(ScriptQueue(redis), Calendar()),
        home=home,
        journal_max_bytes=10**8,
        instruments=instruments_of(NoOpMeterProvider()),
    )
    await ledger.start()
    try:
        await measure(ledger, redis, group=1, entries=max(entries // 10, 1))
        results = [await measure(ledger, redis, group=g, entries=entries) for g in GROUPS]
        kept = await memory(redis)
    finally:
        await ledger.close()
        await redis.close()
        embedded.leave()
    return {"bench": "ledger", "results": results, "redis_memory_bytes": kept}


def _on_the_service_s_loop(work: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
    factory = uvicorn.Config("", loop="auto", log_config=None).get_loop_factory()
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)


def main(argv: Sequence[str] | None = None) -> int:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--entries", type=int, default=5_000, help="how many of each group")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as home:
        print(json.dumps(_on_the_service_s_loop(run(Path(home), arguments.entries))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
