"""Shared state in Redis, behind a breaker: a dead Redis costs a request nothing.

After a failure no command is sent until Redis takes a write again. It is asked at once, so that one
slow command puts nothing out of action for long, then twice a second, each time over a connection
of its own, for which the name is resolved anew: what failed may be an old master that lives on as a
replica and answers PING, while the name, a Service or a proxy leads to the new one. Commands are
timed by the telemetry library, which watches redis-py itself.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeout

from service.redis_connections import Connections, run_of, take_write
from service.redis_replies import concerns_server, reply_code, still_reads

logger = logging.getLogger(__name__)

T = TypeVar("T")

PROBE_SECONDS = 0.5
LOOK_SECONDS = 10.0


class StoreUnavailable(Exception):  # noqa: N818 - says what is the case
    """Redis cannot be used now; the message names the kind of failure, never the URL."""


class CommandRefused(StoreUnavailable):
    """Redis refused this one command; others are not concerned."""


class Breaker:
    """Open from the first failure until Redis takes a write again.

    While it is open only checks in the background try, so that no request waits for a dead Redis.
    """

    def __init__(self) -> None:
        self.open = False
        self.readable = True
        """Whether what only reads may pass: Redis answers, and takes no writes."""

    def failed(self, *, readable: bool = False) -> None:
        """A command failed."""
        self.open, self.readable = True, readable

    def succeeded(self) -> None:
        """A write was taken."""
        self.open, self.readable = False, True


class RedisStore:
    """The commands this service sends, each raising only `StoreUnavailable`.

    What must not share its fate with others takes a store, and so a breaker, of its own. Where the
    address leads is looked at every `look_seconds` while commands are sent: an old master that
    nobody told of its successor would take writes over old connections for ever.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        pool_size: int,
        breaker: Breaker | None = None,
        probe_seconds: float = PROBE_SECONDS,
        look_seconds: float = LOOK_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connect = lambda: Connections(url, timeout=timeout, pool_size=pool_size)
        self._connections = self._connect()
        self._breaker = breaker or Breaker()
        self._probe_seconds = probe_seconds
        self._look_seconds = look_seconds
        self._clock = clock
        self._look_at = clock()
        self._probing = False
        self._watching: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def available(self) -> bool:
        """Whether Redis took what it was sent last."""
        return not self._breaker.open

    async def get(self, key: str) -> bytes | None:
        """The value of a key; also while Redis takes no writes but answers."""
        found = await self._send("GET", lambda redis: redis.get(key), reads=True)
        return cast("bytes | None", found)

    async def run(self, name: str, command: Callable[[Redis], Awaitable[T]]) -> T:
        """Send what `command` makes of the client; the name is for messages."""
        return await self._send(name, command)

    async def ping(self) -> None:
        """Ask Redis whether it is there, whatever the breaker says."""
        await self._send("PING", lambda redis: cast("Any", redis).ping(), force=True)

    async def check(self) -> None:
        """See that Redis takes a write, whatever the breaker says."""
        await self._send("a write", take_write, force=True)

    def refuses(self, error: Exception) -> None:
        """Take note of a reply in a pipeline that concerns the server, not one call."""
        self._failed(error)

    def suspect(self) -> None:
        """Somebody else found that Redis fails: send nothing until it takes a write."""
        self._breaker.failed()
        self._watch()

    async def close(self) -> None:
        """Close all connections."""
        self._closed = True
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        await asyncio.gather(self._connections.close(), *self._closing)

    async def _send(
        self,
        name: str,
        command: Callable[[Redis], Awaitable[T]],
        *,
        reads: bool = False,
        force: bool = False,
    ) -> T:
        breaker = self._breaker
        if breaker.open and not (force or (reads and breaker.readable)):
            self._watch()
            raise StoreUnavailable(
                "Redis failed a moment ago; the next check will tell whether it is back."
            )
        if self._clock() >= self._look_at:
            self._look_at = self._clock() + self._look_seconds
            self._start(self._look())
        connections = self._connections
        connections.users += 1
        try:
            answer = await command(connections.redis)
        # ValueError: so redis-py meets a reply that it cannot take apart.
        except (RedisError, OSError, ValueError) as error:
            raise_swallowed_cancellation()
            raise self._unavailable(name, error) from None
        finally:
            connections.users -= 1
            if connections.retired:
                self._let_go(connections)
        raise_swallowed_cancellation()
        return answer

    def _unavailable(self, name: str, error: Exception) -> StoreUnavailable:
        kind = "timeout" if isinstance(error, RedisTimeout) else reply_code(error)
        if not concerns_server(error):
            return CommandRefused(f"Redis refused {name} ({kind}).")
        self._failed(error)
        return StoreUnavailable(f"Redis did not answer {name} ({kind}).")

    def _failed(self, error: Exception) -> None:
        self._breaker.failed(readable=still_reads(error))
        self._watch()

    def _watch(self) -> None:
        """See to it that somebody asks whether Redis is back."""
        if not self._probing:
            self._probing = True
            self._start(self._probe())

    async def _probe(self) -> None:
        try:
            while self._breaker.open:
                await self._try()
                if self._breaker.open:
                    await asyncio.sleep(self._probe_seconds)
        finally:
            self._probing = False

    async def _try(self) -> None:
        """Have a write taken over new connections; those are used from then on."""
        connections = self._connect()
        try:
            await take_write(connections.redis)
        except Exception as error:
            raise_swallowed_cancellation()
            if still_reads(error) and not self._breaker.readable:
                self._breaker.failed(readable=True)
                self._use(connections)
        else:
            self._use(connections)
            self._breaker.succeeded()
        finally:
            if connections is not self._connections:
                self._let_go(connections)

    async def _look(self) -> None:
        """Give up connections to another server than the one that the address leads to now."""
        held, new = self._connections, self._connect()
        try:
            run = await run_of(new.redis)
            if held.run is None:
                held.run = await run_of(held.redis)
            if run != held.run and held is self._connections:
                logger.warning(
                    "The address of Redis leads to another server, or another run of it, than "
                    "before; connections to the former one are closed."
                )
                self._use(new)
        except (RedisError, OSError):
            # Those who need Redis will meet it themselves.
            raise_swallowed_cancellation()
        finally:
            if new is not self._connections:
                self._let_go(new)

    def _use(self, connections: Connections) -> None:
        former, self._connections = self._connections, connections
        former.retired = True
        self._let_go(former)

    def _let_go(self, connections: Connections) -> None:
        """Close what is used no more, once nobody waits for an answer over it."""
        if connections.users == 0:
            # A task that nobody cancels: what is cancelled here would stay open.
            _start(connections.close(), self._closing)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        if self._closed:
            work.close()
        else:
            _start(work, self._watching)


def _start(work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
    """In a context of its own: it is no part of the request that it was found necessary in."""
    task = asyncio.get_running_loop().create_task(work, context=contextvars.Context())
    tasks.add(task)
    task.add_done_callback(tasks.discard)


def raise_swallowed_cancellation() -> None:
    """Go on with a cancellation that redis-py lost, as it can while it sets up a connection."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
