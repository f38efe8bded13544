"""What operators read of the ledger, and what requests need of it, apart from each other."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from service.redis_store import StoreUnavailable
from service.settings import Settings
from tests.service.gateway_under_test import chat_request, started_runtime


async def test_operators_who_ask_too_much_at_once_keep_no_request_from_its_budgets(
    tmp_path: Path, redis_url: Any
) -> None:
    narrow = Settings(home=tmp_path / "home", redis_url=redis_url, redis_pool_size=2)
    async with started_runtime(narrow) as (runtime, _):
        readings = [asyncio.create_task(runtime.books.reader.usage("today")) for _ in range(20)]
        request = asyncio.create_task(runtime.gateway.complete(chat_request()))
        found = await asyncio.gather(*readings, return_exceptions=True)
        answer = await request
    assert any(isinstance(one, StoreUnavailable) for one in found)
    leases = [hold.lease for hold in answer.lease.holds]
    assert leases
    assert None not in leases
