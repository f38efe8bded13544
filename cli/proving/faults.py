"""What goes wrong on purpose, each with its cause in the service or in a backend."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import redis.asyncio

from cli.proving.applications import application
from cli.proving.declared import (
    CHEAP_MODEL,
    COUNTED_MODELS,
    DEAR_MODEL,
    SCARCE_MODEL,
    UNPRICED_MODEL,
)
from cli.proving.private_stack import PrivateStack
from cli.proving.spans import flood
from cli.proving.storms import burst, storm
from cli.proving.traffic import chat
from service.atomic_file import write_atomically
from service.key_file import KEYS_FILE
from service.keys import add_key
from stack.service_processes import workers
from stack.supervision.client import SupervisorClient, SupervisorError

_LEAVER: Final = "proof-leaver"
# More than the label values of one metric that are told apart.
_CROWD: Final = 130
_SHARES: Final = {"proof-eighty": 85, "proof-ninety-five": 97, "proof-exceeded": 25}
# What Redis holds is this share of what it may hold.
_REDIS_FILL: Final = 0.9


Causing = Callable[[PrivateStack], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """A cause, in a few words, and how it is brought about until its block is left."""

    cause: str
    alerts: tuple[str, ...]
    causing: Causing


def stormy(cause: str, per_second: float, *alerts: str, **request: Any) -> Fault:
    """Return a fault that requests of one kind bring about."""
    return Fault(
        cause,
        alerts,
        lambda stack: storm(stack, lambda _: chat(cause, **request), per_second=per_second),
    )


@asynccontextmanager
async def left_application(stack: PrivateStack) -> AsyncGenerator[None]:
    """An application that told of itself and then is no more."""
    async with application(stack, ["--seconds", "6"], name=_LEAVER) as process:
        await process.wait()
    yield


@asynccontextmanager
async def large_application(stack: PrivateStack) -> AsyncGenerator[None]:
    """An application that holds too much memory and logs errors."""
    arguments = ["--seconds", "3600", "--mebibytes", "600", "--errors", "8"]
    async with application(stack, arguments):
        yield


@asynccontextmanager
async def used_budgets(stack: PrivateStack) -> AsyncGenerator[None]:
    """Budgets that are used to 85 %, 97 %, 250 %, and one that refuses."""
    requests = [
        chat("counted", model=model) for model in COUNTED_MODELS for _ in range(_SHARES[model])
    ]
    await burst(stack, [*requests, *(chat("scarce", model=SCARCE_MODEL) for _ in range(12))])
    yield


@asynccontextmanager
async def crowd(stack: PrivateStack) -> AsyncGenerator[None]:
    """More apps than one label may have values."""
    home = stack.settings.home.path
    keys = await asyncio.to_thread(
        lambda: [add_key(home, f"crowd-{number}", "app") for number in range(_CROWD)]
    )
    await asyncio.sleep(3.0)
    await burst(stack, [chat("crowd", model=CHEAP_MODEL) for _ in keys], keys)
    yield


@asynccontextmanager
async def one_of_each(stack: PrivateStack) -> AsyncGenerator[None]:
    """A single 401, and one model without a price."""
    await burst(
        stack,
        [chat("unauthorized", simulate={"status": 401}), chat("unpriced", model=UNPRICED_MODEL)],
    )
    yield


@asynccontextmanager
async def full_redis(stack: PrivateStack) -> AsyncGenerator[None]:
    """A Redis that may hold little more than it does."""
    # The client's own types leave its commands' arguments unknown.
    client: Any = redis.asyncio.Redis(port=stack.settings.ports.redis)
    try:
        used = (await client.info("memory"))["used_memory"]
        await client.config_set("maxmemory", int(used / _REDIS_FILL))
        yield
        await client.config_set("maxmemory", "512mb")
    finally:
        await client.aclose()


@asynccontextmanager
async def spoilt_keys(stack: PrivateStack) -> AsyncGenerator[None]:
    """A keys file that was cut short."""
    path = stack.settings.home.path / KEYS_FILE
    whole = await asyncio.to_thread(path.read_bytes)
    await asyncio.to_thread(path.write_bytes, whole[: len(whole) // 2])
    try:
        yield
    finally:
        await asyncio.to_thread(write_atomically, path, whole)


@asynccontextmanager
async def killed_worker(stack: PrivateStack) -> AsyncGenerator[None]:
    """A worker of the service that is killed while it answers."""
    states = await SupervisorClient(stack.settings.home.socket).states()
    busiest, *_ = workers(states["service"].pid)
    os.kill(busiest.pid, signal.SIGKILL)
    yield


def stopped(component: str) -> Causing:
    """Return what stops one process of a stack, and starts it again at the end."""

    @asynccontextmanager
    async def causing(stack: PrivateStack) -> AsyncGenerator[None]:
        client = SupervisorClient(stack.settings.home.socket)
        await client.stop(component)
        yield
        await client.start(component)

    return causing


@asynccontextmanager
async def hanging_tempo(stack: PrivateStack) -> AsyncGenerator[None]:
    """A Tempo that takes nothing, and more spans than the Collector can keep for it."""
    states = await SupervisorClient(stack.settings.home.socket).states()
    process = states["tempo"].pid
    os.kill(process, signal.SIGSTOP)
    flooding = asyncio.create_task(_flood(stack))
    try:
        yield
    finally:
        flooding.cancel()
        await asyncio.gather(flooding, return_exceptions=True)
        os.kill(process, signal.SIGCONT)


async def _flood(stack: PrivateStack) -> None:
    async with aiohttp.ClientSession() as session:
        while True:
            await flood(session, stack.settings.otlp_http_url)
            await asyncio.sleep(0.2)


@asynccontextmanager
async def all_of(faults: tuple[Fault, ...], stack: PrivateStack) -> AsyncGenerator[dict[str, str]]:
    """Bring all faults about at once, until the block is left.

    What could not be brought about is in the dictionary: why, by its alerts.
    """
    failed: dict[str, str] = {}
    async with AsyncExitStack() as entered:

        async def bring_about(fault: Fault) -> None:
            try:
                await entered.enter_async_context(fault.causing(stack))
            except (SupervisorError, redis.RedisError, OSError) as error:
                failed.update(dict.fromkeys(fault.alerts, f"{fault.cause}: {error}"))

        await asyncio.gather(*(bring_about(fault) for fault in faults))
        yield failed


DEAR: Final = stormy(
    "a model that costs some USD a request",
    4.0,
    *("HighAPICosts", "DailyCostHigh", "CostSpike", "CostBudgetFastBurn"),
    model=DEAR_MODEL,
)
