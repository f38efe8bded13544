"""Reads the ledger from Redis, in few round trips, none of which keeps Redis long."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal, cast

from service.ledger import documents, sums
from service.ledger.calendar import Bucket, Calendar, hour_name, usage_prefix
from service.ledger.counters import DIMENSIONS
from service.ledger.notable import KINDS, SLOT_MS, notable_key, read_summary
from service.ledger.recording import PACE_SECONDS, pace_key
from service.redis_store import RedisStore

Period = Literal["today", "yesterday", "week", "month"]
DEAREST_USERS = 50
_DAYS_AT_ONCE = 7
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
    """What was used. Every method raises `StoreUnavailable`."""

    def __init__(
        self,
        redis: RedisStore,
        calendar: Calendar,
        *,
        now: Callable[[], datetime],
        waiting: Callable[[], Awaitable[bool]] = nothing_waits,
    ) -> None:
        self._redis = redis
        self._calendar = calendar
        self._now = now
        self._waiting = waiting

    async def usage(self, period: Period) -> documents.Usage:
        """What was used in a period that ends now, or at the last midnight for `yesterday`."""
        now = self._now()
        span = self._span(period, now)
        kept = all(bucket.expires_at > now.timestamp() for bucket in span.buckets)
        ranking = f"{span.users.prefix}user"

        def ask(pipeline: Any) -> None:
            for dimension in DIMENSIONS:
                for bucket in span.buckets:
                    pipeline.hgetall(bucket.prefix + dimension)
            pipeline.zrange(ranking, 0, DEAREST_USERS - 1, desc=True)
            pipeline.zcard(ranking)

        *hashes, dearest, users = await self._ask(ask)
        size = len(span.buckets)
        by = {
            dimension: sums.by_value(hashes[n * size : (n + 1) * size])
            for n, dimension in enumerate(DIMENSIONS)
        }
        return documents.Usage(
            period=period,
            time_zone=self._calendar.time_zone,
            start=span.start.isoformat(),
            end=span.end.isoformat(timespec="seconds"),
            complete=kept and not await self._waiting(),
            totals=sums.totals(sums.whole(by["operation"])),
            by_service=sums.totals_by(sums.by_service(by["operation"])),
            by_provider=sums.totals_by(by["provider"]),
            by_model=sums.totals_by(by["model"]),
            by_app=sums.totals_by(by["app"]),
            by_operation=sums.totals_by(by["operation"]),
            by_component=sums.totals_by(by["component"]),
            by_user=await self._users(ranking, [user.decode() for user in dearest]),
            users=users,
        )

    async def history(self, days: int) -> tuple[documents.Day, ...]:
        """So many days up to today, oldest first; those without use are there too."""
        today = self._calendar.local(_milliseconds(self._now())).date()
        wanted = [today - timedelta(days=back) for back in range(days - 1, -1, -1)]
        found: list[documents.Day] = []
        for start in range(0, len(wanted), _DAYS_AT_ONCE):
            found += await self._days(wanted[start : start + _DAYS_AT_ONCE])
        return tuple(found)

    async def hour(self, back: int = 0) -> documents.Totals:
        """What was used in the present hour, or in one that many hours before."""
        name = hour_name(self._now() - timedelta(hours=back))
        key = f"{usage_prefix('hour', name)}operation"
        (operations,) = await self._ask(lambda pipeline: pipeline.hgetall(key))
        return sums.totals(sums.whole(sums.by_value([operations])))

    async def minute_rate(self) -> Pace:
        """How many requests ended in the last full minute, by slots of ten seconds."""
        present = int(self._now().timestamp()) // PACE_SECONDS
        slots = range(present - 60 // PACE_SECONDS, present)

        def ask(pipeline: Any) -> None:
            for slot in slots:
                pipeline.hgetall(pace_key(slot))

        total = sums.whole(
            {str(n): sums.counters(fields) for n, fields in enumerate(await self._ask(ask))}
        )
        return Pace(total.get("requests", 0), total.get("errors", 0))

    async def notable(self, limit: int = 10) -> documents.Notable:
        """The requests of the last 60 minutes worth looking at, so many of each kind."""
        now = _milliseconds(self._now())
        slots = range((now - _HOUR_MS) // SLOT_MS, now // SLOT_MS + 1)

        def ask(pipeline: Any) -> None:
            for kind in KINDS:
                for slot in slots:
                    pipeline.zrange(notable_key(kind, slot), 0, -1, desc=True, withscores=True)

        lists = await self._ask(ask)
        found: dict[str, tuple[documents.RequestSummary, ...]] = {}
        for n, kind in enumerate(KINDS):
            scored = [pair for one in lists[n * len(slots) : (n + 1) * len(slots)] for pair in one]
            scored.sort(key=lambda pair: pair[1], reverse=True)
            read = (read_summary(member, self._calendar.zone) for member, _ in scored)
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

    async def _days(self, days: Sequence[date]) -> list[documents.Day]:
        dimensions = ("operation", "model", "app")

        def ask(pipeline: Any) -> None:
            for day in days:
                for dimension in dimensions:
                    pipeline.hgetall(usage_prefix("day", day.isoformat()) + dimension)

        hashes = await self._ask(ask)
        found: list[documents.Day] = []
        for n, day in enumerate(days):
            operations, models, apps = (
                sums.by_value([fields]) for fields in hashes[n * 3 : n * 3 + 3]
            )
            found.append(
                documents.Day(
                    date=day.isoformat(),
                    totals=sums.totals(sums.whole(operations)),
                    by_service=sums.totals_by(sums.by_service(operations)),
                    by_model=sums.totals_by(models),
                    by_app=sums.totals_by(apps),
                )
            )
        return found

    async def _users(self, ranking: str, users: Sequence[str]) -> dict[str, documents.Totals]:
        if not users:
            return {}

        def ask(pipeline: Any) -> None:
            for user in users:
                pipeline.hgetall(f"{ranking}:{user}")

        found = await self._ask(ask)
        return sums.totals_by(
            {user: sums.counters(fields) for user, fields in zip(users, found, strict=True)}
        )

    async def _ask(self, ask: Callable[[Any], object]) -> list[Any]:
        async def send(redis: Any) -> list[Any]:
            pipeline = redis.pipeline(transaction=False)
            ask(pipeline)
            return cast("list[Any]", await pipeline.execute())

        return await self._redis.run("HGETALL", send)


def _milliseconds(moment: datetime) -> int:
    return int(moment.astimezone(UTC).timestamp() * 1000)
