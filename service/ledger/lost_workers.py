"""Enters in the ledger what requests used whose worker is gone: once, by one of those who are left.

A worker that was killed had told nobody what its requests came to, so each is entered as estimated:
it has used all that was reserved for it, or could have been. The worker's notes in Redis say what
that is. Should it live after all, as when its network was cut, what it enters itself takes the
estimates' place, whenever that is.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, cast

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from otel.instruments import Instruments
from service.background import BackgroundTask
from service.ledger.calendar import PREFIX
from service.ledger.entry import Entry
from service.ledger.open_requests import PriceOpen, estimate, open_key
from service.ledger.presence import WRITERS_KEY, Presence
from service.ledger.recording import BATCH_ENTRIES, Recorder
from service.money import amount_text, dollars
from service.redis_keys import is_wrong_type
from service.redis_store import RedisStore, StoreUnavailable

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.75
_CLAIM_SECONDS = 10
_MOST_BATCHES = 200
"""At one look: a worker that lives after all may leave new requests as fast as they are entered."""


class Notes(Protocol):
    """Requests under way that reserved nothing; see `service.unreserved`."""

    async def write(self) -> None:
        """Note those that are not noted yet. Raises `StoreUnavailable`."""
        ...


@dataclass(slots=True)
class _Entered:
    requests: int = 0
    cost: int = 0
    tokens: int = 0

    def add(self, entry: Entry) -> None:
        self.requests += 1
        self.cost += entry.cost or 0
        self.tokens += sum(entry.tokens.get(kind, 0) for kind in ("input_tokens", "output_tokens"))


class LostWorkers:
    """Looks, as long as the service runs, whether another worker is gone."""

    def __init__(
        self,
        presence: Presence,
        *,
        redis: RedisStore,
        recorder: Recorder,
        notes: Notes,
        price: PriceOpen,
        instruments: Instruments,
        now: Callable[[], datetime],
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._presence = presence
        self._redis = redis
        self._recorder = recorder
        self._notes = notes
        self._price = price
        self._instruments = instruments
        self._now = now
        self.task = BackgroundTask(
            "lost workers",
            self._look,
            every=look_seconds,
            instruments=instruments,
            meanwhile="What a killed worker's requests used is in no book until it works.",
        )

    async def start(self) -> None:
        """Show that this worker lives, and begin to look."""
        await self.task.take_turn()
        self.task.start()

    async def close(self) -> None:
        """Look no more; the worker is still seen to live. Safe to repeat."""
        await self.task.close()

    async def _look(self) -> None:
        # That Redis is away is told by those who need it.
        with contextlib.suppress(StoreUnavailable):
            for writer in await self._presence.look():
                await self.enter_for(writer)
            await self._notes.write()

    async def enter_for(self, writer: str) -> None:
        """Enter all that a writer left open, if nobody else does. Raises `StoreUnavailable`."""
        if not await self._redis.run("SET", lambda redis: _claim(redis, writer)):
            return
        entered = _Entered()
        noticed_at = int(self._now().timestamp() * 1000)
        for _ in range(_MOST_BATCHES):
            notes = await self._redis.run("HSCAN", lambda redis: _some(redis, writer))
            if not notes:
                break
            entries = self._estimates(notes, noticed_at)
            applied = await self._recorder.estimate(writer, entries)
            for entry in entries:
                if entry.id in applied:
                    entered.add(entry)
            # What is noted still had been entered before, or cannot be read.
            await self._redis.run(
                "HDEL", lambda redis, ids=tuple(notes): _any(redis).hdel(open_key(writer), *ids)
            )
        if await self._redis.run("HDEL", lambda redis: _any(redis).hdel(WRITERS_KEY, writer)):
            self._instruments.workers_lost.add(1)
            logger.warning(
                "The worker %s is gone without having ended. Of its requests under way %d are "
                "entered in the usage ledger as estimated: %s tokens, %s USD.",
                _named(writer),
                entered.requests,
                entered.tokens,
                amount_text(dollars(entered.cost)),
            )

    def _estimates(self, notes: Mapping[bytes, bytes], noticed_at: int) -> Sequence[Entry]:
        entries: list[Entry] = []
        for identifier, note in notes.items():
            try:
                entries.append(
                    estimate(identifier.decode(), note, noticed_at=noticed_at, price=self._price)
                )
            except ValueError as error:
                logger.error("%s", error)  # noqa: TRY400 - it says all there is
        return entries


async def _claim(redis: Redis, writer: str) -> bool:
    """Whether we are the one to do it; others come later, should we not get to the end."""
    key = f"{PREFIX}claim:{writer}"
    return bool(await _any(redis).set(key, "1", nx=True, ex=_CLAIM_SECONDS))


async def _some(redis: Redis, writer: str) -> Mapping[bytes, bytes]:
    """Some of a writer's notes, at most what one batch takes; none where there are none left."""
    cursor: int = 0
    while True:
        try:
            cursor, found = await _any(redis).hscan(open_key(writer), cursor, count=BATCH_ENTRIES)
        except ResponseError as error:
            if not is_wrong_type(error):
                raise
            logger.error(  # noqa: TRY400 - it says all there is
                "The Redis key %s holds something else than a worker's requests under way: what "
                "they used is in no book. See who else writes into this Redis.",
                open_key(writer),
            )
            await _any(redis).delete(open_key(writer))
            return {}
        if found or cursor == 0:
            return dict(list(cast("dict[bytes, bytes]", found).items())[:BATCH_ENTRIES])


def _named(writer: str) -> str:
    """A writer's name, and the process that its last parts but one tell."""
    host, _, rest = writer.rpartition("-")[0].rpartition("-")
    return f"{writer} (process {rest} on {host})"


def _any(redis: Redis) -> Any:
    """The client without its types, which redis-py leaves half open."""
    return redis
