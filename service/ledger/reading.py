"""Reads the ledger from Redis, in few round trips, none of which keeps Redis long.

A ledger of hundreds of apps is large: replies are taken apart and added up in threads, a day at a
time, so that requests go on beside them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Any, Literal, cast

from service.ledger import documents, hashes, sums
from service.ledger.calendar import Bucket, Calendar, hour_name, usage_prefix
from service.ledger.counters import DIMENSIONS, LOST
from service.ledger.days import FinishedDays
from service.ledger.notable import KINDS, SLOT_MS, notable_key, read_summary
from service.ledger.recording import PACE_SECONDS, pace_key
from service.redis_store import RedisStore

Period = Literal["today", "yesterday", "week", "month"]
DEAREST_USERS = 50
_DIMENSIONS_OF_DAYS = ("operation", "model", "app", LOST)
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Pace:
    """How many requests ended, and failed, in the last full minute."""

    requests: int
    errors: int


@dataclass(frozen=True, slots=True)
class _Span:
    """The buckets that make up a period; `users` is the one its users are counted in."""

    start: datetime
    end: datetime
    buckets: tuple[Bucket, ...]
    users: Bucket


async def nothing_waits() -> bool:
    """Say that no entry waits on disk."""
    return False


class LedgerReader:
    """What was used. Every method raises `StoreUnavailable`, which may be a `DamagedKey`."""

    def __init__(
        self,
        redis: RedisStore,
        calendar: Calendar,
        *,
        now: Callable[[], datetime],
        waiting: Callable[[], Awaitable[bool]] = nothing_waits,
        finished: FinishedDays | None = None,
    ) -> None:
        self._redis = redis
        self._calendar = calendar
        self._now = now
        self._waiting = waiting
        self._finished = finished or FinishedDays()
        self._reading_days = asyncio.Lock()

    async def usage(self, period: Period) -> documents.Usage:
        """What was used in a period that ends now, or at the last midnight for `yesterday`."""
        now = self._now()
        span = self._span(period, now)
        kept = all(bucket.expires_at > now.timestamp() for bucket in span.buckets)
        ranking = f"{span.users.prefix}user"
        replies = [
            await self._hashes([bucket.prefix + dimension for dimension in (*DIMENSIONS, LOST)])
            for bucket in span.buckets
        ]

        def rank(pipeline: Any) -> None:
            pipeline.zrange(ranking, 0, DEAREST_USERS - 1, desc=True)
            pipeline.zcard(ranking)

        dearest, users = await self._ask(rank, [ranking, ranking])
        by_user = await self._users(ranking, [user.decode(errors="replace") for user in dearest])
        by = await asyncio.to_thread(_totals_by_dimension, replies)
        lost = sums.lost(sums.by_value(hashes.fields(one[-1]) for one in replies))
        return documents.Usage(
            period=period,
            time_zone=self._calendar.time_zone,
            start=span.start.isoformat(),
            end=span.end.isoformat(timespec="seconds"),
            complete=kept and not lost.requests and not await self._waiting(),
            lost=lost,
            totals=by["whole"][""],
            by_service=by["service"],
            by_provider=by["provider"],
            by_model=by["model"],
            by_app=by["app"],
            by_operation=by["operation"],
            by_component=by["component"],
            by_user=by_user,
            users=users,
        )

    async def history(self, days: int) -> tuple[documents.Day, ...]:
        """So many days up to today, oldest first; those without use are there too.

        Days that are over are remembered for some minutes, unless entries wait on disk that may be
        of them.
        """
        today = self._calendar.local(_milliseconds(self._now())).date()
        found: list[documents.Day] = []
        # Who asks at the same time finds what the first one has read.
        async with self._reading_days:
            waiting = await self._waiting()
            if waiting:
                self._finished.forget()
            for back in range(days - 1, -1, -1):
                name = (today - timedelta(days=back)).isoformat()
                day = self._finished.get(name) if back else None
                if day is None:
                    day = await self._day_document(name)
                    if back and not waiting:
                        self._finished.keep(day)
                found.append(day)
        return tuple(found)

    async def hour(self, back: int = 0) -> documents.Totals:
        """What was used in the present hour, or in one that many hours before."""
        name = hour_name(self._now() - timedelta(hours=back))
        key = f"{usage_prefix('hour', name)}operation"
        (operations,) = await self._hashes([key])
        return sums.totals(sums.whole(sums.by_value([hashes.fields(operations)])))

    async def minute_rate(self) -> Pace:
        """How many requests ended in the last full minute, by slots of ten seconds."""
        present = int(self._now().timestamp()) // PACE_SECONDS
        slots = range(present - 60 // PACE_SECONDS, present)
        replies = await self._hashes([pace_key(slot) for slot in slots])
        total = sums.whole(
            {str(n): sums.counters(hashes.fields(reply)) for n, reply in enumerate(replies)}
        )
        return Pace(total.get("requests", 0), total.get("errors", 0))

    async def notable(self, limit: int = 10) -> documents.Notable:
        """The requests of the last 60 minutes worth looking at, so many of each kind."""
        now = _milliseconds(self._now())
        slots = range((now - _HOUR_MS) // SLOT_MS, now // SLOT_MS + 1)

        keys = {kind: [notable_key(kind, slot) for slot in slots] for kind in KINDS}

        def ask(pipeline: Any) -> None:
            for key in chain.from_iterable(keys.values()):
                pipeline.zrange(key, 0, -1, desc=True, withscores=True)

        lists = iter(await self._ask(ask, list(chain.from_iterable(keys.values()))))
        found: dict[str, tuple[documents.RequestSummary, ...]] = {}
        for kind in KINDS:
            scored = [(score, key, member) for key in keys[kind] for member, score in next(lists)]
            scored.sort(key=lambda one: one[0], reverse=True)
            read = (read_summary(key, member, self._calendar.zone) for _, key, member in scored)
            recent = [pair[1] for pair in read if pair is not None and pair[0] > now - _HOUR_MS]
            found[kind] = tuple(recent[:limit])
        return documents.Notable(**found)

    def _span(self, period: Period, now: datetime) -> _Span:
        present = self._calendar.buckets(_milliseconds(now))
        today = self._calendar.local(_milliseconds(now)).date()
        if period == "month":
            first = self._calendar.midnight(today.replace(day=1))
            return _Span(first, self._local(now), (present.month,), present.month)
        if period == "yesterday":
            day = self._day(today - timedelta(days=1))
            start = self._calendar.midnight(today - timedelta(days=1))
            return _Span(start, self._calendar.midnight(today), (day,), day)
        if period == "today":
            start = self._calendar.midnight(today)
            return _Span(start, self._local(now), (present.day,), present.day)
        monday = today - timedelta(days=today.weekday())
        days = tuple(self._day(monday + timedelta(days=n)) for n in range(today.weekday() + 1))
        return _Span(self._calendar.midnight(monday), self._local(now), days, present.week)

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self._calendar.zone)

    def _day(self, day: date) -> Bucket:
        # Noon is inside a day wherever its midnights are.
        noon = self._calendar.midnight(day).replace(hour=12)
        return self._calendar.buckets(_milliseconds(noon)).day

    async def _day_document(self, name: str) -> documents.Day:
        prefix = usage_prefix("day", name)
        replies = await self._hashes([prefix + dimension for dimension in _DIMENSIONS_OF_DAYS])
        return await asyncio.to_thread(_day_of, name, replies)

    async def _users(self, ranking: str, users: Sequence[str]) -> dict[str, documents.Totals]:
        replies = await self._hashes([f"{ranking}:{user}" for user in users])

        def add() -> dict[str, documents.Totals]:
            found = zip(users, replies, strict=True)
            return sums.totals_by(
                {user: sums.counters(hashes.fields(reply)) for user, reply in found}
            )

        return await asyncio.to_thread(add) if users else {}

    async def _hashes(self, keys: Sequence[str]) -> list[hashes.Texts]:
        return await self._redis.run("HSCAN", lambda redis: hashes.read(redis, keys))

    async def _ask(self, ask: Callable[[Any], object], keys: Sequence[str]) -> list[Any]:
        """The replies to what `ask` asks, which is of these keys in order."""

        async def send(redis: Any) -> list[Any]:
            pipeline = redis.pipeline(transaction=False)
            ask(pipeline)
            replies = cast("list[Any]", await pipeline.execute(raise_on_error=False))
            return [hashes.told(key, reply) for key, reply in zip(keys, replies, strict=True)]

        return await self._redis.run("ZRANGE", send)


def _totals_by_dimension(
    buckets: Sequence[Sequence[hashes.Texts]],
) -> Mapping[str, dict[str, documents.Totals]]:
    """By dimension, by `service`, and as a whole under "", of replies by bucket and dimension."""
    by = {
        dimension: sums.by_value(hashes.fields(replies[n]) for replies in buckets)
        for n, dimension in enumerate(DIMENSIONS)
    }
    operations = by["operation"]
    groups = {**by, "service": sums.by_service(operations), "whole": {"": sums.whole(operations)}}
    return {name: sums.totals_by(group) for name, group in groups.items()}


def _day_of(name: str, replies: Sequence[hashes.Texts]) -> documents.Day:
    operations, models, apps, lost = (sums.by_value([hashes.fields(reply)]) for reply in replies)
    return documents.Day(
        date=name,
        lost=sums.lost(lost),
        totals=sums.totals(sums.whole(operations)),
        by_service=sums.totals_by(sums.by_service(operations)),
        by_model=sums.totals_by(models),
        by_app=sums.totals_by(apps),
    )


def _milliseconds(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp() * 1000)
