"""A ledger in a real Redis, filled for tests through the same door that requests use."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime

from redis.asyncio import Redis

from service.ledger.calendar import Calendar
from service.ledger.entry import Entry
from service.ledger.recording import Bounds, Numbered, Recorder
from service.ledger.scripts import ScriptQueue
from service.ledger.zone import remember_time_zone
from service.redis_store import RedisStore

MODELS = {"gpt-4o": "openai", "claude-sonnet-4-5": "anthropic", "gpt-4o-mini": "openai"}
APPS = ("web-chat", "=cmd|' /C calc'!A0", 'nightly, "batch"', "ünïcode 🎛")


def entry(moment: datetime, number: int = 0, **changes: object) -> Entry:
    """One request at a moment."""
    given: dict[str, object] = {
        "id": f"{number:032x}",
        "asked_at": int(moment.timestamp() * 1000),
        "trace_id": f"{number:032x}",
        "operation": "chat",
        "provider": "openai",
        "model": "gpt-4o",
        "target": "openai",
        "app": "web-chat",
        "user": None,
        "component": None,
        "outcome": "completed",
        "latency_us": 150_000,
        "tokens": {"input_tokens": 100, "output_tokens": 20},
        "cost": 140_000,
        **changes,
    }
    return Entry(**given)  # pyright: ignore[reportArgumentType] - fields by name


def varied(moments: Sequence[datetime], count: int, seed: int = 1) -> list[Entry]:
    """Requests of every kind, the same for the same seed."""
    rng = random.Random(seed)
    return [_varied(rng, rng.choice(moments), number) for number in range(1, count + 1)]


def _varied(rng: random.Random, moment: datetime, number: int) -> Entry:
    model = rng.choice([*MODELS])
    failed, hit = rng.random() < 0.1, rng.random() < 0.2
    operation = rng.choice(["chat", "chat", "embeddings", "speech", "transcription"])
    return entry(
        moment,
        number,
        operation=operation,
        provider=MODELS[model],
        model=model,
        app=rng.choice(APPS),
        user=rng.choice([None, "aaaa", "bbbb", "cccc"]),
        component=rng.choice([None, "search", "summary"]),
        outcome="error" if failed else "completed",
        error="upstream_error" if failed else None,
        cache_hit=hit,
        latency_us=rng.randint(1_000, 20_000_000),
        tokens={"input_tokens": rng.randint(1, 9_000), "output_tokens": rng.randint(1, 900)},
        characters=rng.randint(1, 500) if operation == "speech" else 0,
        milliseconds=rng.randint(1, 90_000) if operation == "transcription" else 0,
        cost=0 if hit else rng.choice([None, 1, 140_000, rng.randint(1, 9 * 10**12)]),
        saved_by_response_cache=rng.randint(1, 10**12) if hit else 0,
        saved_by_prompt_cache=rng.randint(0, 10**9),
    )


async def fill(
    url: str, calendar: Calendar, entries: Sequence[Entry], bounds: Bounds | None = None
) -> None:
    """Record entries in an emptied Redis."""
    store = RedisStore(url, timeout=5, pool_size=2)
    try:
        await store.run("FLUSHALL", _flush)
        await remember_time_zone(store, calendar.time_zone)
        scripts = ScriptQueue(store)
        recorder = Recorder(scripts, calendar, bounds=bounds)
        for start in range(0, len(entries), 100):
            part = entries[start : start + 100]
            batch = [Numbered(start + n + 1, one) for n, one in enumerate(part)]
            await recorder.apply("test", start, start + len(part), batch)
        await scripts.close()
    finally:
        await store.close()


async def _flush(redis: Redis) -> object:
    return await redis.flushall()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - untyped
