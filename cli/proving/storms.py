"""Requests that make a stack ill: how many a second, and of what kind."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

import aiohttp

from cli.proving.private_stack import PrivateStack
from stack.requests import Answer, Request, send

Draw = Callable[[int], Request]


@asynccontextmanager
async def storm(stack: PrivateStack, draw: Draw, *, per_second: float) -> AsyncGenerator[None]:
    """Send the request that `draw` makes of a number that rises, until the block is left.

    Nothing waits for answers, so that slow ones do not make it a weaker storm.
    """
    url, key = stack.settings.url("service"), next(iter(stack.keys.values()))

    async def blow() -> None:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector) as session:
            sending: set[asyncio.Task[Answer]] = set()
            try:
                for number in itertools.count():
                    task = asyncio.create_task(send(session, url, key, draw(number)))
                    sending.add(task)
                    task.add_done_callback(sending.discard)
                    await asyncio.sleep(1 / per_second)
            finally:
                for task in sending:
                    task.cancel()
                await asyncio.gather(*sending, return_exceptions=True)

    task = asyncio.create_task(blow())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def burst(stack: PrivateStack, requests: Sequence[Request], keys: Sequence[str] = ()) -> None:
    """Send requests, eight at a time, each with the next of the keys, and wait for all answers."""
    url = stack.settings.url("service")
    using = itertools.cycle(keys or [next(iter(stack.keys.values()))])
    connector = aiohttp.TCPConnector(limit=8)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(
            *(send(session, url, key, one) for one, key in zip(requests, using, strict=False))
        )
