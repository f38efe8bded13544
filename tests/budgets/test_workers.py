"""Many clients in several processes at once, each with a connection of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from tests.budgets.building import rig
from tests.budgets.worker import BUDGETS, LARGEST, LIMIT

ROOT = Path(__file__).parents[2]
PROCESSES = 3


async def worker(url: str, folder: Path, seed: int) -> tuple[int, int]:
    folder.mkdir()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.budgets.worker", url, str(folder), str(seed)),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    spent, refused = json.loads(output)
    return spent, refused


async def test_parallel_workers_spend_a_budget_to_its_end_and_no_further(
    redis_url: str, tmp_path: Path
) -> None:
    async with rig(redis_url, tmp_path, BUDGETS) as books:
        found = await asyncio.gather(
            *(worker(redis_url, tmp_path / str(seed), seed) for seed in range(PROCESSES))
        )
        (state,) = await books.budgets.states()
        window = await books.window(await books.reserve(0))
    spent = sum(one for one, _ in found)
    assert int(window["spent"]) == spent
    assert LIMIT - LARGEST < spent <= LIMIT
    assert state.reserved == "0"
    assert state.denials == sum(refused for _, refused in found) > 0
