"""A worker of its own process that posts entries until its input closes: `URL HOME LOG NUMBER`.

Each entry has a user of its own, so that one counted twice shows. Before an entry is posted its id
goes to the log, and once more when the ledger has said where it is: a kill loses neither.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from service.ledger.entry import Recorded
from service.ledger.recording import Bounds
from tests.ledger.building import entry, opened

PACE_SECONDS = 0.006
EACH_USER = Bounds(users=1_000_000)


async def main(url: str, home: Path, log: Path, number: int) -> None:
    ending = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ending.set)
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    async with opened(url, home, bounds=EACH_USER) as parts:
        posted: list[asyncio.Future[Recorded]] = []
        while not ending.is_set():
            user = f"w{number}-{len(posted)}"
            one = entry(
                number << 64 | len(posted),
                user=user,
                asked_at=int(time.time() * 1000),
                cost=140_007,
            )
            os.write(file, f"posted {user}\n".encode())
            future = parts.ledger.post(one)

            def note(done: asyncio.Future[Recorded], user: str = user) -> None:
                os.write(file, f"{done.result().outcome} {user}\n".encode())

            future.add_done_callback(note)
            posted.append(future)
            await asyncio.sleep(PACE_SECONDS)
        await asyncio.gather(*posted)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])))
