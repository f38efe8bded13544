"""Rows out of Redis, one bucket after the other: never more than one of them is held."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, cast

from service.ledger import hashes, sums
from service.ledger.calendar import Calendar, usage_prefix
from service.ledger.counters import DIMENSIONS, LOST, OTHER
from service.ledger.export.rows import TOTAL, Grain, UsageRow
from service.ledger.export.span import Bucket, Span
from service.redis_store import RedisStore

_BUCKETS_AT_ONCE = 200
_USERS_AT_ONCE = 200


class UsageRows:
    """Reads the ledger as rows. A bucket's rows are of one moment, so their sums agree.

    Users are the exception: there may be thousands, and they are read after the others.
    """

    def __init__(self, redis: RedisStore, calendar: Calendar) -> None:
        self._redis = redis
        self._calendar = calendar

    async def rows(self, span: Span, grain: Grain) -> AsyncGenerator[UsageRow]:
        """Every row of a span, oldest first; raises `StoreUnavailable`, also as `DamagedKey`."""
        buckets = span.buckets(grain, self._calendar)
        while part := list(islice(buckets, _BUCKETS_AT_ONCE)):
            for bucket in await self._used(part, grain):
                for row in await self._bucket(bucket, grain):
                    yield row
                async for row in self._users(bucket, grain):
                    yield row

    async def _used(self, buckets: Sequence[Bucket], grain: Grain) -> list[Bucket]:
        """Those in which anything is recorded: every request has an operation, or was lost."""

        keys = [usage_prefix(grain, bucket.name) for bucket in buckets]

        def ask(pipeline: Any, prefix: str) -> None:
            pipeline.exists(f"{prefix}operation", f"{prefix}{LOST}")

        found = await self._ask("EXISTS", ask, keys)
        return [bucket for bucket, is_there in zip(buckets, found, strict=True) if is_there]

    async def _bucket(self, bucket: Bucket, grain: Grain) -> list[UsageRow]:
        prefix = usage_prefix(grain, bucket.name)
        keys = [prefix + dimension for dimension in (*DIMENSIONS, LOST)]
        replies = await self._ask("HGETALL", _whole, keys)
        by = {
            dimension: sums.by_value([hashes.whole(key, reply)])
            for dimension, key, reply in zip((*DIMENSIONS, LOST), keys, replies, strict=True)
        }
        operations = by["operation"]
        groups = {TOTAL: {"": sums.whole(operations)}, "service": sums.by_service(operations), **by}
        return [row for name, group in groups.items() for row in _rows(bucket, grain, name, group)]

    async def _users(self, bucket: Bucket, grain: Grain) -> AsyncGenerator[UsageRow]:
        ranking = f"{usage_prefix(grain, bucket.name)}user"

        def rank(pipeline: Any, key: str) -> None:
            pipeline.zrange(key, 0, -1)

        (ranked,) = await self._ask("ZRANGE", rank, [ranking])
        names = iter([*sorted(name.decode(errors="replace") for name in ranked), OTHER])
        while part := list(islice(names, _USERS_AT_ONCE)):
            group = await self._user_counters(ranking, part)
            for row in _rows(bucket, grain, "user", group):
                yield row

    async def _user_counters(self, ranking: str, users: list[str]) -> dict[str, sums.Counters]:
        keys = [f"{ranking}:{user}" for user in users]
        found = await self._ask("HGETALL", _whole, keys)
        return {
            user: sums.counters(hashes.whole(key, reply))
            for user, key, reply in zip(users, keys, found, strict=True)
            if reply
        }

    async def _ask(
        self, name: str, ask: Callable[[Any, str], object], keys: Sequence[str]
    ) -> list[Any]:
        async def send(redis: Any) -> list[Any]:
            pipeline = redis.pipeline(transaction=True)
            for key in keys:
                ask(pipeline, key)
            replies = cast("list[Any]", await pipeline.execute(raise_on_error=False))
            return [hashes.told(key, reply) for key, reply in zip(keys, replies, strict=True)]

        return await self._redis.run(name, send)


def _whole(pipeline: Any, key: str) -> None:
    pipeline.hgetall(key)


def _rows(
    bucket: Bucket, grain: Grain, dimension: str, group: Mapping[str, sums.Counters]
) -> Iterator[UsageRow]:
    for name, counters in sorted(group.items()):
        totals = sums.totals(counters)
        yield UsageRow(grain, bucket.starts_at, bucket.ends_at, dimension, name, totals)
