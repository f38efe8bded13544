"""The exact response cache: the same app sending the same body again gets the same answer.

Off unless a setting or the caller's `Cache-Control: max-age=N` turns it on; `no-cache` and
`no-store` go past it. A hit costs nothing and asks no provider.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from pydantic_core import from_json, to_json

from service.aside import aside_if
from service.json_pieces import digest_of
from service.json_weight import HEAVY_BYTES, LIGHT, Weight
from service.ledger.scripts import ScriptQueue, load_script
from service.redis_store import RedisStore, StoreUnavailable

Mode = Literal["default", "on", "bypass"]
# The braces make them one slot of a Redis Cluster.
_PREFIX = "gaugeway:{cache}:answer:"
_EXPIRIES = "gaugeway:{cache}:expiries"
_SIZES = "gaugeway:{cache}:sizes"
_TOTAL = "gaugeway:{cache}:bytes"
ENTRY_OVERHEAD_BYTES = 512
"""What Redis needs for an entry besides its bytes, in whole: key, lists, allocation."""
_LONGEST_DIRECTIVE = 2**31
_CLOCK_SKEW = 5.0
"""Seconds that another host's clock may be ahead; what is further from the future is not used."""


@dataclass(frozen=True, slots=True)
class CacheDirective:
    """What a caller wants: `on` with the age in seconds it accepts, `bypass`, or the default."""

    mode: Mode = "default"
    max_age: int = 0


DEFAULT_DIRECTIVE = CacheDirective()


@dataclass(frozen=True, slots=True)
class CacheLimits:
    """`ttl_seconds` 0: only on demand. What expires first goes first when there is too much.

    `max_bytes` is what all entries may take of Redis, `ENTRY_OVERHEAD_BYTES` each included.
    """

    ttl_seconds: int
    max_age_seconds: int
    max_entry_bytes: int
    max_entries: int
    max_bytes: int = 64 * 1024**2


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """What was sent before: one JSON text, or the chunks of a stream.

    `tokens` and `cost` (picodollars) are what it took to make it, which using it again saves.
    """

    parts: tuple[bytes, ...]
    stream: bool
    tokens: int = 0
    cost: int = 0


def parse_cache_control(header: str | None) -> CacheDirective:
    """Read `Cache-Control`; what is not understood is ignored, as HTTP asks."""
    if not header:
        return DEFAULT_DIRECTIVE
    found = DEFAULT_DIRECTIVE
    for part in header.lower().split(","):
        name, _, value = part.strip().partition("=")
        if name in ("no-cache", "no-store"):
            return CacheDirective("bypass")
        text = value.strip().strip('"')
        if name == "max-age" and text.isascii() and text.isdigit():
            found = CacheDirective("on", min(int(text[:10]), _LONGEST_DIRECTIVE))
    return found


def cache_key(app: str, operation: str, body: Mapping[str, Any], weight: Weight = LIGHT) -> str:
    """The key of a request: its app, its operation and its whole body, in whatever key order.

    Of a heavy body it is another one, found in shorter calls into C.
    """
    if weight.heavy:
        return digest_of([app, operation, body], in_slices=weight.huge).hex()
    canonical = json.dumps(
        [app, operation, body], sort_keys=True, separators=(",", ":"), ensure_ascii=True
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


class CacheStore(Protocol):
    """Where entries are kept; raises only `StoreUnavailable`."""

    async def load(self, key: str) -> bytes | None:
        """The stored bytes of a key."""
        ...

    async def store(
        self, key: str, value: bytes, *, ttl: int, max_entries: int, max_bytes: int
    ) -> None:
        """Keep bytes for `ttl` seconds, at most so many keys and bytes in all."""
        ...


class RedisCacheStore:
    """Entries in Redis, with their sizes, so that neither their number nor their bytes grow on."""

    def __init__(self, redis: RedisStore) -> None:
        self._redis = redis
        self._scripts = ScriptQueue(redis)
        self._script = load_script("service", "cache_store")

    async def load(self, key: str) -> bytes | None:
        """The stored bytes of a key."""
        return await self._redis.get(_PREFIX + key)

    async def store(
        self, key: str, value: bytes, *, ttl: int, max_entries: int, max_bytes: int
    ) -> None:
        """Keep bytes for `ttl` seconds; what expires first goes where there is too much."""
        await self._scripts.call(
            self._script,
            [_PREFIX + key, _EXPIRIES, _SIZES, _TOTAL],
            [key, value, ttl, max_entries, max_bytes, ENTRY_OVERHEAD_BYTES, _PREFIX],
        )


class ResponseCache:
    """Decides whether a request may be answered from the cache, and keeps answers."""

    def __init__(
        self, store: CacheStore, limits: CacheLimits, *, now: Callable[[], float] = time.time
    ) -> None:
        self._store = store
        self._limits = limits
        self._now = now

    def accepted_age(self, directive: CacheDirective) -> int | None:
        """How old an answer may be for this caller, in seconds; None: the cache is off for it."""
        if directive.mode == "on":
            return min(directive.max_age, self._limits.max_age_seconds)
        if directive.mode == "default" and self._limits.ttl_seconds > 0:
            return self._limits.ttl_seconds
        return None

    async def find(self, key: str, *, max_age: int) -> CachedAnswer | None:
        """An answer no older than that; None where there is none or Redis cannot be asked."""
        try:
            stored = await self._store.load(key)
        except StoreUnavailable:
            return None
        if stored is None:
            return None
        return await aside_if(len(stored) > HEAVY_BYTES, self._read, stored, max_age)

    async def keep(self, key: str, answer: CachedAnswer, *, max_age: int) -> None:
        """Keep an answer for later; one that is too large is let go."""
        ttl = max(max_age, self._limits.ttl_seconds)
        size = sum(map(len, answer.parts))
        if ttl <= 0 or size > self._limits.max_entry_bytes:
            return
        value = await aside_if(size > HEAVY_BYTES, self._written, answer)
        try:
            await self._store.store(
                key,
                value,
                ttl=ttl,
                max_entries=self._limits.max_entries,
                max_bytes=self._limits.max_bytes,
            )
        except StoreUnavailable:
            return

    def fits(self, size: int) -> bool:
        """Whether an answer of so many bytes would be kept."""
        return size <= self._limits.max_entry_bytes

    def _written(self, answer: CachedAnswer) -> bytes:
        return to_json(
            {
                "at": self._now(),
                "stream": answer.stream,
                "tokens": answer.tokens,
                "cost": answer.cost,
                "parts": [part.decode() for part in answer.parts],
            }
        )

    def _read(self, stored: bytes, max_age: int) -> CachedAnswer | None:
        try:
            envelope = from_json(stored)
            age = self._now() - envelope["at"]
            parts = tuple(part.encode() for part in envelope["parts"])
            stream = envelope["stream"]
            tokens, cost = int(envelope["tokens"]), int(envelope["cost"])
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            return None  # Damaged, or written by another version: as good as not there.
        whole = bool(parts) if stream is True else stream is False and len(parts) == 1
        fresh = -_CLOCK_SKEW <= age <= max_age
        return CachedAnswer(parts, stream, tokens, cost) if whole and fresh else None
