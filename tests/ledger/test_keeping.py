"""An operator whose Redis would lose usage is told at the start of the service."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from service.ledger.keeping import warn_of_losses
from service.redis_store import RedisStore
from tests.ledger.servers import Server

PAGE = Path(__file__).parents[2] / "docs" / "ledger.md"


async def said(url: str, caplog: pytest.LogCaptureFixture) -> list[str]:
    store = RedisStore(url, timeout=1, pool_size=2)
    with caplog.at_level(logging.WARNING, logger="service.ledger.keeping"):
        await warn_of_losses(store)
    await store.close()
    return [record.getMessage() for record in caplog.records if "keeping" in record.name]


async def test_a_redis_that_keeps_everything_is_no_news(
    every_redis: Server, caplog: pytest.LogCaptureFixture
) -> None:
    assert await said(every_redis.url, caplog) == []


async def test_a_redis_that_evicts_or_has_no_file_is_told(
    own_redis: Server, caplog: pytest.LogCaptureFixture
) -> None:
    assert own_redis.ask(b"CONFIG SET maxmemory-policy volatile-lru").startswith(b"+OK")
    assert own_redis.ask(b"CONFIG SET appendonly no").startswith(b"+OK")
    evicts, forgets = await said(own_redis.url, caplog)
    assert "maxmemory-policy is volatile-lru" in evicts
    assert evicts in PAGE.read_text(encoding="utf-8")
    assert "no append-only file" in forgets


async def test_a_redis_that_is_away_delays_nothing(
    own_redis: Server, caplog: pytest.LogCaptureFixture
) -> None:
    own_redis.kill()
    assert await said(own_redis.url, caplog) == []
