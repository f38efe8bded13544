"""Streams of answers: from a provider as it speaks, or again from the cache."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Protocol

from pydantic_core import to_json

from service.accounts import cost_of
from service.bill import NOTHING, Bill
from service.budgets.lease import NO_LEASE, Lease
from service.cache import CachedAnswer, ResponseCache
from service.errors import ServiceError
from service.exchange import CacheResult
from service.interruption import Interruption
from service.progress import Progress
from service.providers.protocol import Chunk
from service.stream_record import StreamRecord


class AnswerStream(Protocol):
    """JSON texts of chunks, in order; then `bill` says what they came to."""

    cache: CacheResult
    interruption: Interruption
    provider_seconds: float
    lease: Lease
    """What its budgets held for it when it began."""

    @property
    def bill(self) -> Bill | None:
        """What the stream came to; None until it ended."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Read the stream; once."""
        ...

    async def __anext__(self) -> bytes:
        """The next chunk's JSON text. Raises `ServiceError` where the provider fails midway."""
        ...

    async def aclose(self) -> None:
        """End the stream here, the way to the provider included; safe to repeat."""
        ...


class LiveStream:
    """A provider's stream, passed on chunk by chunk and read no faster than the client takes it."""

    def __init__(
        self,
        first: Chunk,
        chunks: AsyncGenerator[Chunk, None],
        record: StreamRecord,
        progress: Progress,
    ) -> None:
        self.cache: CacheResult = progress.cache.result
        self.interruption = record.interruption
        self.lease = record.account.lease
        self.provider_seconds = progress.provider_seconds + record.inference.provider_seconds
        self._first: Chunk | None = first
        self._chunks = chunks
        self._record = record
        self._include_usage = record.request.include_usage
        self._kept: list[bytes] | None = None
        self._kept_bytes = 0
        self._cache: ResponseCache | None = None
        self._key, self._max_age = progress.cache.key, progress.cache.max_age
        # A stream that nobody reads to its end is noticed when it is dropped. Ending an inference
        # takes locks, so it is left to the event loop: a finaliser may run anywhere.
        loop = asyncio.get_running_loop()
        self._dropped = weakref.finalize(self, _abandon, record, loop)
        self._dropped.atexit = False

    def keep_in(self, cache: ResponseCache) -> None:
        """Have the cache keep what is sent, if the stream completes."""
        if self._key is not None:
            self._cache, self._kept = cache, []

    @property
    def bill(self) -> Bill | None:
        """What the stream came to; None until it ended."""
        return self._record.bill

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Read the stream; once."""
        return self

    async def __anext__(self) -> bytes:
        """The next chunk's JSON text, without the usage chunk nobody asked for."""
        while True:
            chunk = await self._next()
            self._record.saw(chunk)
            if chunk.usage_only and not self._include_usage:
                continue
            encoded = to_json(chunk.data) if chunk.encoded is None else chunk.encoded
            if b"\n" in encoded:
                # In JSON it is white space alone: within texts it would be an escape.
                encoded = encoded.replace(b"\n", b" ")
            self._note(encoded)
            return encoded

    async def aclose(self) -> None:
        """End the stream here, the way to the provider included; safe to repeat."""
        self._record.interrupt()
        self._dropped.detach()
        await self._chunks.aclose()

    async def _next(self) -> Chunk:
        first, self._first = self._first, None
        if first is not None:
            return first
        started = time.perf_counter()
        try:
            return await anext(self._chunks)
        except StopAsyncIteration:
            self._record.complete()
            self._dropped.detach()
            # Its cost is on record before the client is told that it is over.
            await self._record.account.settled()
            await self._keep()
            raise
        except ServiceError as error:
            self._record.fail(error)
            raise
        except Exception as error:
            self._record.break_off(error)
            raise
        finally:
            self.provider_seconds += time.perf_counter() - started

    def _note(self, encoded: bytes) -> None:
        if self._kept is None or self._cache is None:
            return
        self._kept.append(encoded)
        self._kept_bytes += len(encoded)
        if not self._cache.fits(self._kept_bytes):
            self._kept = None

    async def _keep(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None and self._cache is not None and self._key is not None:
            bill = self.bill or NOTHING
            answer = CachedAnswer(tuple(kept), True, bill.tokens, cost_of(bill))
            await self._cache.keep(self._key, answer, max_age=self._max_age)


class ReplayedStream:
    """A stream from the cache: the same chunks, at once, for nothing."""

    cache: CacheResult = "hit"
    provider_seconds = 0.0
    lease = NO_LEASE
    bill: Bill | None = NOTHING

    def __init__(self, parts: tuple[bytes, ...], interruption: Interruption) -> None:
        self.interruption = interruption
        self._parts = iter(parts)

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Read the stream; once."""
        return self

    async def __anext__(self) -> bytes:
        """The next chunk's JSON text."""
        try:
            return next(self._parts)
        except StopIteration:
            raise StopAsyncIteration from None

    async def aclose(self) -> None:
        """The request is over."""
        self.interruption.close()


def _abandon(record: StreamRecord, loop: asyncio.AbstractEventLoop) -> None:
    if loop.is_closed():
        return  # The inference ends by its own finaliser.
    loop.call_soon_threadsafe(record.abandon)
