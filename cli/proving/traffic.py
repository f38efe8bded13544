"""The traffic of a proof: the demo's, and what happens too seldom in it for every panel."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import aiohttp

from cli.proving.beside import beside
from cli.proving.declared import DEAR_MODEL, SCARCE_MODEL, UNPRICED_MODEL
from cli.proving.private_stack import PrivateStack
from stack.requests import Request, send
from stack.traffic import LONGEST_SECONDS, Bounds, Scenarios, drive

RATE: Final = 8.0
_SIMULATE: Final = "x-gaugeway-simulate"
_DEADLINE: Final = "x-gaugeway-deadline-ms"


def chat(
    name: str,
    *,
    model: str = "simulated",
    prompt: str = "What does it cost?",
    stream: bool = False,
    simulate: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Request:
    """Return a chat request; `simulate` is what the simulated provider is asked to do."""
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": prompt}]}
    steering = {_SIMULATE: json.dumps(simulate)} if simulate else {}
    component = {"x-gaugeway-component": "assistant"}
    return Request(name, body=body, headers={**component, **steering, **(headers or {})})


RARITIES: Final = (
    *(chat("scarce", model=SCARCE_MODEL) for _ in range(4)),
    chat("unpriced", model=UNPRICED_MODEL),
    chat("dear", model=DEAR_MODEL),
    chat("unauthorized", simulate={"status": 401}),
    chat("payment required", simulate={"status": 402}),
    chat("rate limited", simulate={"status": 429, "retry_after": 0}),
    chat("no connection", simulate={"down": True}),
    chat("rejected by the provider", simulate={"status": 400}),
    chat("deadline", simulate={"latency_ms": 5000}, headers={_DEADLINE: "300"}),
    chat("very slow", stream=True, simulate={"latency_ms": 5600}),
    chat("first chunk late", stream=True, simulate={"first_chunk_ms": 3500}),
    chat("slow, then failed", simulate={"latency_ms": 2400, "status": 500, "times": 9}),
    *(
        chat(f"slow {model}", model=model, simulate={"latency_ms": 2400})
        for model in ("simulated-fallback", UNPRICED_MODEL, DEAR_MODEL)
    ),
)


@asynccontextmanager
async def traffic(
    stack: PrivateStack, rate: float = RATE, *, rarities: bool = True
) -> AsyncGenerator[None]:
    """Keep requests coming from every app until the block is left.

    Without `rarities` nothing fails and nothing is slow but what the demo's traffic has of it.
    """
    rng = random.Random(7)  # noqa: S311 - varied, not secret
    url, keys = stack.settings.url("service"), list(stack.keys.values())
    scenarios = Scenarios(rng, control=rarities)
    driven = drive(url, keys, Bounds(rate, LONGEST_SECONDS), scenarios, rng)
    async with beside(driven, *([_rarities(url, keys[0])] if rarities else [])):
        yield


async def _rarities(url: str, key: str) -> None:
    async with aiohttp.ClientSession() as session:
        while True:
            await asyncio.gather(*(send(session, url, key, request) for request in RARITIES))
            await asyncio.sleep(2.0)
