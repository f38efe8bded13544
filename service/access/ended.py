"""The sessions that somebody logged out of, until their time would have been over.

They are over in this worker at once, whatever becomes of the disk. Others learn of it from a file
beside the keys, which outlives a restart and holds while Redis is away; where it cannot be written
from Redis, until it can.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from otel.instruments import Instruments
from service.access.ended_file import Ended, EndedFile
from service.access.sessions import Session
from service.access.store import Store
from service.background import BackgroundTask
from service.key_file import KeysError
from service.redis_store import StoreUnavailable

logger = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0
SAVE_SECONDS: Final = 3.0
PREFIX: Final = "gaugeway:session-ended:"

Kept = Literal["file", "redis", "worker"]
"""Where it is known that a session is over: in all workers and after a restart, in all workers
while Redis is there, or in this worker alone."""


class EndedSessions:
    """Those of one home; `lifetime` of a session in seconds, `now` in seconds since the epoch."""

    def __init__(
        self,
        home: Path,
        store: Store,
        *,
        lifetime: float,
        instruments: Instruments,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._file = EndedFile(home, now=now)
        self._store = store
        self._lifetime = lifetime
        self._now = now
        self._known = Ended()
        self._saved = Ended()
        self._told: str | None = None
        self.task = BackgroundTask(
            "ended sessions",
            self._look,
            every=LOOK_SECONDS,
            instruments=instruments,
            meanwhile="Sessions that were ended meanwhile are over in this worker, and in others "
            "while Redis is there.",
            faults=(KeysError,),
        )

    async def end(self, session: Session) -> Kept:
        """End a session for good, in this worker before anything else; where it is known."""
        self._known |= Ended({session.id: session.ends_at})
        try:
            await self._save()
        except KeysError:
            return "redis" if await self._share(session) else "worker"
        return "file"

    async def is_over(self, session: Session) -> bool:
        """Whether somebody logged out of it, in whichever worker."""
        self._learn(await asyncio.to_thread(self._file.read))
        if session.id in self._known.until or session.began_at < self._known.before:
            return True
        try:
            key = PREFIX + session.id
            found = await self._store.run("EXISTS", lambda redis: redis.exists(key))
        except StoreUnavailable:
            return False
        if found:
            self._known |= Ended({session.id: session.ends_at})
        return bool(found)

    async def close(self) -> None:
        """Stop looking; what is not written down yet is tried once more."""
        await self.task.close()
        if not self._saved.covers(self._known):
            try:
                await self._save()
            except KeysError as error:
                logger.error("Sessions that were ended will be open again: %s", error)  # noqa: TRY400

    async def _look(self) -> None:
        """Learn what others wrote, and write down what is not in the file. Raises `KeysError`."""
        self._learn(await asyncio.to_thread(self._file.read))
        self._known = self._known.left(self._now(), self._lifetime)
        self._tell()
        fault = self._saved.fault
        if fault is not None or not self._saved.covers(self._known):
            await self._save()
        if fault is not None:
            logger.warning("The list of ended sessions %s is written anew.", self._file.path)

    async def _save(self) -> None:
        try:
            async with asyncio.timeout(SAVE_SECONDS):
                self._saved = await asyncio.to_thread(self._file.add, self._known, self._lifetime)
        except TimeoutError:
            raise KeysError(f"{self._file.path} is not written: the disk hangs.") from None
        self._known |= self._saved

    async def _share(self, session: Session) -> bool:
        seconds = max(1, int(session.ends_at - self._now()) + 1)
        key = PREFIX + session.id
        try:
            await self._store.run("SET", lambda redis: redis.set(key, 1, ex=seconds))
        except StoreUnavailable:
            return False
        return True

    def _learn(self, found: Ended) -> None:
        self._saved = found
        if not self._known.covers(found):
            self._known |= found

    def _tell(self) -> None:
        """Say once what could not be read of the file, and what follows of it."""
        fault = self._saved.fault
        if fault is not None and fault != self._told:
            moment = datetime.fromtimestamp(self._known.before, UTC).isoformat(timespec="seconds")
            logger.error(
                "The list of ended sessions %s %s. Sessions that began before %s are over, as any "
                "of them may have been ended: log in again.",
                self._file.path,
                fault,
                moment,
            )
        self._told = fault
