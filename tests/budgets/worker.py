"""One process of many clients that spend a budget until it refuses them: `URL FOLDER SEED`."""

from __future__ import annotations

import asyncio
import json
import random
import sys
from pathlib import Path

from service.errors import BudgetExceeded
from tests.budgets.building import Rig, rig

CLIENTS = 40
LIMIT = 10_000 * 10**12 + 7
LARGEST = 20 * 10**12
BUDGETS = f"""
budgets:
  - name: everything
    window: day
    limit: {{usd: "{LIMIT // 10**12}.{LIMIT % 10**12:012d}"}}
    actions: [{{at: 80, do: warn}}, {{at: 100, do: refuse}}]
"""


async def client(books: Rig, chance: random.Random) -> tuple[int, int]:
    """Spend until nothing more fits for what is spent: the sum, and how often it was refused."""
    spent = refused = 0
    while True:
        amount = chance.randint(1, LARGEST)
        try:
            lease = await books.reserve(amount)
        except BudgetExceeded as error:
            refused += 1
            if "x-should-retry" in error.headers:
                return spent, refused
            await asyncio.sleep(chance.random() / 100)
            continue
        if chance.random() < 0.1:
            await books.budgets.release(lease)
            continue
        used = amount - chance.randint(0, amount // 4)
        await books.settle(lease, used)
        spent += used


async def main(url: str, folder: Path, seed: int) -> None:
    """Run the clients and print their sums."""
    chance = random.Random(seed)
    async with rig(url, folder, BUDGETS, empty=False) as books:
        sums = await asyncio.gather(*(client(books, chance) for _ in range(CLIENTS)))
    print(json.dumps([sum(column) for column in zip(*sums, strict=True)]))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
