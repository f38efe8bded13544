"""Budgets whose unit was edited, looks that fail, and windows that only a look has made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from otel import names
from service.budgets import budgets
from service.budgets.asking import PASS
from service.budgets.declared import Declared
from service.budgets.thresholds import EVENT
from tests.budgets.building import NOON, rig

DOLLARS = """
budgets:
  - {name: everything, window: day, limit: {usd: "0.000000001000"}, actions: [{at: 80, do: warn}]}
"""
REQUESTS = DOLLARS.replace('usd: "0.000000001000"', "requests: 100")


async def until(condition: Callable[[], object]) -> None:
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("waited 10 s")


async def test_what_was_held_in_another_unit_is_not_judged_by_the_new_thresholds(
    redis_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with rig(redis_url, tmp_path, DOLLARS) as books:
        lease = await books.reserve(500)
        books.write(REQUESTS)
        (hold,) = lease.holds
        settled = books.budgets.settled(replace(lease, holds=(replace(hold, spent=500),)))
        await books.budgets.close()
        window = await books.window(lease)
    assert settled.holds[0].warning is None
    assert not [record for record in caplog.records if record.message == EVENT]
    assert not [field for field in window if field.startswith("passed:")]


async def test_a_look_that_fails_takes_the_gauges_back_and_is_not_the_last(
    redis_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(budgets, "TELL_SECONDS", 0.02)
    async with rig(redis_url, tmp_path, DOLLARS, started=True) as books:

        def shown() -> bool:
            return names.BUDGET_LIMIT.name in books.telemetry.metrics()

        await until(shown)
        declared = books.file.current
        books.file.current = cast("Declared", object())
        await until(lambda: not shown())
        books.file.current = declared
        await until(shown)
    assert "Where the budgets stand is not told" in caplog.text


async def test_a_window_that_only_a_threshold_has_made_has_an_end(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, DOLLARS) as books:
        end = NOON + 1_000_000
        arguments = [NOON, "none", end, 1000, 80]
        for _ in range(2):
            await books.scripts.call(PASS, ["window", "window#counts"], arguments)

        async def ttl(redis: Any) -> int:
            return await redis.pttl("window")

        assert await books.store.run("PTTL", ttl) > 0
