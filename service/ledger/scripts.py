"""Lua scripts in Redis, called together: group commit.

All calls made in one turn of the event loop, or while a pipeline is under way, go out as the next
one: a request costs a share of a round trip. Calls reach Redis in the order they were made.
"""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

from redis.exceptions import NoScriptError

from service.redis_replies import concerns_server, reply_code
from service.redis_store import CommandRefused, RedisStore, StoreUnavailable

logger = logging.getLogger(__name__)

PIPELINE_CALLS = 128


class ScriptFailed(CommandRefused):
    """Redis refused this one call; others are not concerned. The message holds its reply."""


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script and the SHA-1 that Redis knows it by."""

    name: str
    source: bytes
    sha: str


def load_script(package: str, name: str, *, after: Sequence[str] = ()) -> Script:
    """Read `<name>.lua`, which is part of a package; `after` others, whose functions it calls."""
    source = b"".join((files(package) / f"{part}.lua").read_bytes() for part in (*after, name))
    return Script(name, source, hashlib.sha1(source, usedforsecurity=False).hexdigest())


@dataclass(slots=True)
class _Call:
    script: Script
    command: tuple[Any, ...]
    answer: asyncio.Future[Any]
    context: contextvars.Context = field(default_factory=contextvars.copy_context)


class ScriptQueue:
    """Sends calls of scripts in pipelines, one at a time, at most `pipeline_calls` in each."""

    def __init__(self, redis: RedisStore, *, pipeline_calls: int = PIPELINE_CALLS) -> None:
        self._redis = redis
        self._pipeline_calls = pipeline_calls
        self._waiting: deque[_Call] = deque()
        self._pump: asyncio.Task[None] | None = None

    async def call(
        self, script: Script, keys: Sequence[str], args: Sequence[str | int | bytes]
    ) -> Any:
        """Run a script; its reply. Raises `StoreUnavailable`, `ScriptFailed` where it alone failed.

        A caller that is cancelled does not take its call back.
        """
        if not self._redis.available:
            # Raises, and sees to it that somebody asks whether Redis is back.
            await self._redis.run("EVALSHA", _nothing)
        loop = asyncio.get_running_loop()
        command = ("EVALSHA", script.sha, len(keys), *keys, *args)
        call = _Call(script, command, loop.create_future())
        self._waiting.append(call)
        if self._pump is None:
            self._pump = loop.create_task(self._send_all(), context=contextvars.Context())
        return await call.answer

    async def close(self) -> None:
        """Wait until what was called is answered."""
        if self._pump is not None:
            await asyncio.shield(self._pump)

    async def _send_all(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                number = min(len(self._waiting), self._pipeline_calls)
                calls = [self._waiting.popleft() for _ in range(number)]
                # A pipeline is shown in the trace of the request that has waited longest.
                try:
                    await loop.create_task(self._send(calls), context=calls[0].context)
                except Exception:
                    # Nobody may wait for ever for an answer that nothing could be made of.
                    logger.exception("The answers to calls of scripts could not be taken.")
                    for call in calls:
                        _fail(call, StoreUnavailable("What Redis answered could not be read."))
        finally:
            self._pump = None

    async def _send(self, calls: Sequence[_Call]) -> None:
        try:
            replies = await self._execute([call.command for call in calls])
            missing = [n for n, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
            if missing:
                again = [calls[n] for n in missing]
                for n, reply in zip(missing, await self._load(again), strict=True):
                    replies[n] = reply
        except StoreUnavailable as error:
            for call in calls:
                _fail(call, type(error)(str(error)))
        except BaseException:
            for call in calls:
                _fail(call, StoreUnavailable("The service is stopping."))
            raise
        else:
            refusal: Exception | None = None
            for call, reply in zip(calls, replies, strict=True):
                refusal = _settle(call, reply) or refusal
            if refusal is not None:
                self._redis.refuses(refusal)

    async def _load(self, calls: Sequence[_Call]) -> list[Any]:
        """Send calls of scripts that Redis does not know: the first of each with its source.

        EVAL keeps it as SCRIPT LOAD would, and asks for no other right than calling scripts does.
        """
        known: set[str] = set()
        commands: list[tuple[Any, ...]] = []
        for call in calls:
            first = call.script.sha not in known
            known.add(call.script.sha)
            commands.append(
                ("EVAL", call.script.source, *call.command[2:]) if first else call.command
            )
        return await self._execute(commands)

    async def _execute(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        async def send(redis: Any) -> list[Any]:
            pipeline = redis.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            return await pipeline.execute(raise_on_error=False)

        return await self._redis.run("EVALSHA", send)


async def _nothing(_: Any) -> None:
    return None


def _settle(call: _Call, reply: Any) -> Exception | None:
    """Answer a call; the reply where it says that the server cannot be used."""
    if not isinstance(reply, Exception):
        if not call.answer.done():
            call.answer.set_result(reply)
        return None
    if concerns_server(reply):
        _fail(call, StoreUnavailable(f"Redis takes no writes now ({reply_code(reply)})."))
        return reply
    logger.error("Redis refused the script %s: %s", call.script.name, str(reply)[:300])
    _fail(call, ScriptFailed(f"Redis refused {call.script.name}: {str(reply)[:100]}"))
    return None


def _fail(call: _Call, error: Exception) -> None:
    if not call.answer.done():
        call.answer.set_exception(error)
