"""Clients of the race: plain answers, streams, and streams they leave in the middle."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import aiohttp

CLIENTS = 48
MAX_TOKENS = 16
_PATIENCE = aiohttp.ClientTimeout(total=90)
_COST = b": gaugeway-cost-usd="


@dataclass(frozen=True, slots=True)
class Refused:
    """An answer of 429."""

    retry_after: str | None
    content_type: str
    body: Any


@dataclass
class Seen:
    """What the clients saw: admitted requests by trace, with what complete answers said."""

    costs: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    cut: set[str] = field(default_factory=set[str])
    refused: list[Refused] = field(default_factory=list[Refused])
    broken: int = 0
    """Requests whose connection broke: nobody here knows what became of them."""
    unexpected: list[str] = field(default_factory=list[str])

    @property
    def admitted(self) -> set[str]:
        """The traces of requests that were let in and ended as they should."""
        return self.costs.keys() | self.cut

    @property
    def told(self) -> Decimal:
        """The sum of what complete answers said they cost."""
        return sum(self.costs.values(), Decimal(0))


async def drive(url: str, key: str, numbers: Iterable[int], *, clients: int = CLIENTS) -> Seen:
    """Send a request for each number, so many at a time."""
    seen, waiting = Seen(), iter(numbers)

    async def client() -> None:
        for number in waiting:
            try:
                await _ask(session, number, seen)
            except (aiohttp.ClientError, ConnectionError):
                seen.broken += 1

    headers = {"authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession(url, headers=headers, timeout=_PATIENCE) as session,
        asyncio.TaskGroup() as tasks,
    ):
        for _ in range(clients):
            tasks.create_task(client())
    return seen


async def _ask(session: aiohttp.ClientSession, number: int, seen: Seen) -> None:
    stream, cut = number % 5 == 0, number % 20 == 0
    body = {
        "model": "simulated",
        "messages": [{"role": "user", "content": f"Say something about {number}."}],
        "max_tokens": MAX_TOKENS,
        "stream": stream,
    }
    async with session.post("/v1/chat/completions", json=body) as answer:
        trace = answer.headers["x-trace-id"]
        if answer.status == 429:
            seen.refused.append(
                Refused(answer.headers.get("retry-after"), answer.content_type, await answer.json())
            )
        elif answer.status != 200:
            seen.unexpected.append(f"{answer.status}: {await answer.text()}")
        elif cut:
            await answer.content.readline()
            answer.close()
            seen.cut.add(trace)
        elif stream:
            text = await answer.read()
            if not text.endswith(b"data: [DONE]\n\n"):
                raise aiohttp.ClientPayloadError("the stream has no end")
            (line,) = [line for line in text.splitlines() if line.startswith(_COST)]
            seen.costs[trace] = Decimal(line.removeprefix(_COST).decode())
        else:
            json.loads(await answer.read())
            seen.costs[trace] = Decimal(answer.headers["x-gaugeway-cost-usd"])
