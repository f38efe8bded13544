"""Redis commands are timed and connections counted, whatever client of redis-py is used."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import redis.asyncio

from otel import names
from otel.bootstrap.redis import RedisMetrics
from otel.testing import Recorded, recorded


def _pool(database: int = 0) -> Any:
    # Nothing listens there, and nothing connects before the first command.
    return redis.asyncio.ConnectionPool(host="127.0.0.1", port=9, db=database)


@pytest.fixture
def telemetry() -> Iterator[Recorded]:
    with recorded() as telemetry:
        yield telemetry


@pytest.fixture
def metrics(telemetry: Recorded) -> RedisMetrics:
    return RedisMetrics(lambda: telemetry.telemetry.instruments)


def test_a_command_is_timed_under_its_name(telemetry: Recorded, metrics: RedisMetrics) -> None:
    def execute(*arguments: Any, **options: Any) -> str:
        return "value"

    assert metrics.timed_command(execute, None, ("get", "key"), {}) == "value"
    labels = {"db_system_name": "redis", "db_operation_name": "GET"}
    assert telemetry.value(names.DB_OPERATION_DURATION, **labels) == 1


async def test_an_async_command_is_timed_until_its_answer(
    telemetry: Recorded, metrics: RedisMetrics
) -> None:
    async def execute(*arguments: Any, **options: Any) -> str:
        await asyncio.sleep(0.02)
        return "value"

    assert await metrics.timed_command(execute, None, ("GET", "key"), {}) == "value"
    (point,) = telemetry.metrics()[names.DB_OPERATION_DURATION.name]
    assert point.value >= 0.02


async def test_a_command_that_fails_is_timed_with_its_error(
    telemetry: Recorded, metrics: RedisMetrics
) -> None:
    async def execute(*arguments: Any, **options: Any) -> None:
        raise redis.ConnectionError("down")

    with pytest.raises(redis.ConnectionError):
        await metrics.timed_command(execute, None, ("SET", "k", "v"), {})
    assert telemetry.value(names.DB_OPERATION_DURATION, error_type="ConnectionError") == 1


def test_connections_are_counted_by_pool_and_state(metrics: RedisMetrics) -> None:
    pool = _pool(2)
    metrics.watch(pool)
    counted = {
        (labels["db.client.connection.pool.name"], labels["db.client.connection.state"]): count
        for count, labels in metrics.connections()
    }
    assert counted == {("127.0.0.1:9/2", "idle"): 0, ("127.0.0.1:9/2", "used"): 0}


def test_a_pool_that_is_gone_is_not_counted(metrics: RedisMetrics) -> None:
    metrics.watch(_pool())
    import gc

    gc.collect()
    assert list(metrics.connections()) == []
