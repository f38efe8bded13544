"""Which writers of the ledger live, on whatever machine: told by Redis, which sees them go.

Each worker keeps one connection that is subscribed to a channel of its own, on which nobody ever
speaks. When its process ends, however it does, the system closes the connection, and Redis counts
no subscriber any more. A worker that is slow or stopped keeps its connection and is not missed, as
it would be by a heartbeat of a few seconds. A connection can break without its process, too: then
the worker subscribes again at its next look, and others wait a moment before they miss it.

A machine that loses power closes nothing. So each worker gives a sign of life now and again, too,
and one that gives none for a minute is missed as well.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from service.ledger.calendar import PREFIX
from service.ledger.open_requests import open_key
from service.redis_keys import is_wrong_type
from service.redis_store import RedisStore, StoreUnavailable

logger = logging.getLogger(__name__)

WRITERS_KEY = f"{PREFIX}writers"
"""A hash: every writer that has not ended in order, with its latest sign of life."""
ABSENT_SECONDS = 1.4
"""How long Redis has to count no subscriber; a worker whose connection broke is back sooner."""
SILENT_SECONDS = 60.0
SIGN_SECONDS = 10.0
_FRESH_SECONDS = 5.0
"""A look that is further back says nothing: we may have been stopped, and the others with us."""
_KEPT_SECONDS = 35 * 86_400
_UNSEEN = b"unseen "
"""What the signs of a writer begin with that has no subscription: it cannot be seen to go."""


def channel_of(writer: str) -> str:
    """What a writer is subscribed to while it lives."""
    return f"{PREFIX}alive:{writer}"


@dataclass(slots=True)
class _Observed:
    """What was seen of others, by a clock that only goes forward."""

    absent: dict[str, float] = field(default_factory=dict[str, float])
    signs: dict[str, tuple[bytes, float]] = field(default_factory=dict[str, tuple[bytes, float]])

    def forget(self) -> None:
        """Nothing that was seen before says anything."""
        self.absent.clear()
        self.signs.clear()

    def missing(
        self, signs: Mapping[str, bytes], present: Mapping[str, int], now: float
    ) -> Sequence[str]:
        """Who is gone, after one more look."""
        self.absent = {
            writer: self.absent.get(writer, now)
            for writer, sign in signs.items()
            if present.get(writer) == 0 and not sign.startswith(_UNSEEN)
        }
        self.signs = {
            writer: known if (known := self.signs.get(writer)) and known[0] == sign else (sign, now)
            for writer, sign in signs.items()
        }
        return [
            writer
            for writer in signs
            if now - self.absent.get(writer, now) >= ABSENT_SECONDS
            or now - self.signs[writer][1] >= SILENT_SECONDS
        ]


class Presence:
    """Shows that this writer lives, and sees which others do not."""

    def __init__(
        self, redis: RedisStore, writer: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._redis = redis
        self._writer = writer
        self._clock = clock
        self._subscription: Any = None
        self._watched = True
        self._signs = 0
        self._signed = -SIGN_SECONDS
        self._others: frozenset[str] = frozenset()
        self._looked = -_FRESH_SECONDS
        self._observed = _Observed()

    async def look(self) -> Sequence[str]:
        """The writers that are gone now. Raises `StoreUnavailable`."""
        try:
            if self._watched and self._subscription is None:
                await self._subscribe()
            signs, present = await self._ask()
        except StoreUnavailable:
            # While nobody could be seen, others could not show themselves either.
            self._observed.forget()
            raise
        now = self._clock()
        if now - self._looked > _FRESH_SECONDS:
            self._observed.forget()
        self._looked = now
        if self._watched and present.get(self._writer) == 0:
            # Redis was started anew, or another took its place: the others have to subscribe too.
            self._observed.forget()
            await self._drop()
            return ()
        return self._observed.missing(signs, present, now)

    async def leave(self) -> None:
        """This writer ends in order: nobody is to miss it."""
        try:
            await self._redis.run("HDEL", lambda redis: _any(redis).hdel(WRITERS_KEY, self._writer))
        except StoreUnavailable as error:
            logger.debug("This worker could not be taken off the list: %s", error)
        await self._drop()

    async def _subscribe(self) -> None:
        """Be seen from now on, by the channel before by the list."""
        refusal = await self._redis.run("SUBSCRIBE", self._open)
        if refusal is not None:
            self._watched = False
            logger.warning(
                "Redis lets this service subscribe to no channel (%s), so that a worker that is "
                "killed is missed only after %d s. Allow its user the channels %s*.",
                refusal,
                SILENT_SECONDS,
                channel_of(""),
            )
        self._signed = self._clock() - SIGN_SECONDS

    async def _open(self, redis: Redis) -> str | None:
        """Subscribe; why that is refused, None where it is not."""
        subscription = _any(redis).pubsub()
        try:
            await subscription.subscribe(channel_of(self._writer))
            # A refusal is the answer to it; what comes later on this connection nobody reads.
            await subscription.parse_response(block=False, timeout=2)
        except ResponseError as error:
            await subscription.aclose()
            return str(error)[:100]
        except BaseException:
            await subscription.aclose()
            raise
        self._subscription = subscription
        return None

    async def _ask(self) -> tuple[Mapping[str, bytes], Mapping[str, int]]:
        """The other writers with their signs, and how many subscribers each is seen to have."""
        signs, present = await self._ask_once()
        if not signs.keys() <= present.keys():
            signs, present = await self._ask_once()
        return signs, present

    async def _ask_once(self) -> tuple[Mapping[str, bytes], Mapping[str, int]]:
        now = self._clock()
        due = now - self._signed >= SIGN_SECONDS
        sign = b"%s%d" % (b"" if self._watched else _UNSEEN, self._signs + 1)
        asked = (self._writer, *self._others)

        async def send(redis: Redis) -> tuple[Any, Any]:
            pipeline = _any(redis).pipeline(transaction=False)
            pipeline.hgetall(WRITERS_KEY)
            pipeline.pubsub_numsub(*(channel_of(writer) for writer in asked))
            if due:
                pipeline.hset(WRITERS_KEY, self._writer, sign)
                pipeline.expire(open_key(self._writer), _KEPT_SECONDS)
            listed, counted, *written = await pipeline.execute(raise_on_error=False)
            if is_wrong_type(listed):
                # It is made of signs that are given again every few seconds: it is begun anew.
                logger.error(
                    "The Redis key %s holds something else than the list of workers; it is begun "
                    "anew. See who else writes into this Redis.",
                    WRITERS_KEY,
                )
                await _any(redis).delete(WRITERS_KEY)
                listed, written = dict[bytes, bytes](), ()
            replies: tuple[Any, ...] = (listed, *written)
            for reply in replies:
                if isinstance(reply, Exception):
                    raise reply
            return listed, counted

        listed, counted = await self._redis.run("PUBSUB", send)
        found = {name.decode(errors="replace"): sign for name, sign in listed.items()}
        if due:
            self._signs, self._signed = self._signs + 1, now
        elif self._writer not in found:
            # Redis lost the list, or somebody missed us.
            self._signed = now - SIGN_SECONDS
        found.pop(self._writer, None)
        self._others = frozenset(found)
        if isinstance(counted, Exception):
            # Where it may not be asked nobody is seen, and so nobody is missed by it.
            return found, dict.fromkeys(found, 1)
        return found, {writer: count for writer, (_, count) in zip(asked, counted, strict=True)}

    async def _drop(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            # Its pool may have been given up with all its connections, and knows it no more.
            with contextlib.suppress(KeyError, RedisError, OSError):
                await subscription.aclose()


def _any(redis: Redis) -> Any:
    """The client without its types, which redis-py leaves half open."""
    return redis
