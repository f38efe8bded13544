"""What a ledger tells of periods, days, hours and requests worth looking at."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import pytest

from service.ledger.calendar import Calendar, Retention
from service.ledger.reading import LedgerReader
from service.redis_store import StoreUnavailable
from tests.ledger.building import entry, opened
from tests.ledger.servers import Server

BERLIN = ZoneInfo("Europe/Berlin")
# A Sunday; its night has 25 hours.
CHANGE = datetime(2035, 10, 28, 12, tzinfo=BERLIN)


def at(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def clock(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment.astimezone(UTC)


@pytest.mark.parametrize(
    ("period", "start", "end", "requests"),
    [
        ("today", "2035-10-28T00:00:00+02:00", "2035-10-28T12:00:00+01:00", 3),
        ("yesterday", "2035-10-27T00:00:00+02:00", "2035-10-28T00:00:00+02:00", 1),
        ("week", "2035-10-22T00:00:00+02:00", "2035-10-28T12:00:00+01:00", 5),
        ("month", "2035-10-01T00:00:00+02:00", "2035-10-28T12:00:00+01:00", 6),
    ],
)
async def test_a_period_holds_what_was_asked_in_it(
    redis: Server,
    tmp_path: Path,
    period: Literal["today", "yesterday", "week", "month"],
    start: str,
    end: str,
    requests: int,
) -> None:
    midnight = CHANGE.replace(hour=0)
    moments = [
        midnight,
        midnight + timedelta(hours=2, minutes=30),
        # The same time on the clock, an hour later.
        (midnight + timedelta(hours=2, minutes=30)).replace(fold=1),
        midnight - timedelta(seconds=1),
        midnight - timedelta(days=6),
        midnight.replace(day=1),
        midnight.replace(day=1) - timedelta(seconds=1),
    ]
    async with opened(redis.url, tmp_path, time_zone="Europe/Berlin", now=clock(CHANGE)) as parts:
        for number, moment in enumerate(moments):
            await parts.ledger.post(entry(number, asked_at=at(moment), user=f"u{number}"))
        usage = await parts.reader.usage(period)
    assert (usage.start, usage.end, usage.time_zone) == (start, end, "Europe/Berlin")
    assert usage.totals.requests == usage.users == len(usage.by_user) == requests
    assert usage.complete


async def test_usage_is_told_by_everything_it_is_counted_by(redis: Server, tmp_path: Path) -> None:
    async with opened(redis.url, tmp_path) as parts:
        post = parts.ledger.post
        post(entry(1, user="dear", cost=5 * 10**12, component="search"))
        post(entry(2, operation="embeddings", provider="mistral", model="e", app="b", cost=None))
        post(entry(3, operation="transcription", milliseconds=1500, tokens={}, cost=7))
        post(entry(4, operation="speech", characters=90, tokens={}, error="timeout", cost=0))
        post(entry(5, operation="rerank", cache_hit=True, cost=0, saved_by_response_cache=9))
        await post(entry(6, user="cheap", estimated=True, saved_by_prompt_cache=1))
        usage = await parts.reader.usage("today")
    totals = usage.totals
    assert (totals.requests, totals.errors, totals.cache_hits) == (6, 1, 1)
    assert (totals.unpriced_requests, totals.estimated_requests) == (1, 1)
    assert (totals.characters, totals.seconds) == (90, 1.5)
    assert (totals.tokens.input, totals.tokens.output) == (40, 20)
    assert (totals.cost_usd, totals.saved_usd) == ("5.000000140007", "0.00000000001")
    by_service = {name: found.requests for name, found in usage.by_service.items()}
    assert by_service == {"llm": 2, "embeddings": 1, "stt": 1, "tts": 1, "rerank": 1}
    assert list(usage.by_user) == ["dear", "cheap"]
    assert usage.by_user["dear"].cost_usd == "5"
    assert set(usage.by_component) == {"search"}
    assert set(usage.by_provider) == {"openai", "mistral"}
    assert usage.by_app["b"].requests == 1
    latency = usage.by_service["llm"].latency
    assert (latency.requests, latency.total_latency_ms, latency.avg_latency_ms) == (2, 500, 250)
    assert latency.p50 is not None
    assert latency.p99 is not None
    assert 200 < latency.p50 <= latency.p99 < 320


async def test_the_history_holds_every_day_also_those_without_use(
    redis: Server, tmp_path: Path
) -> None:
    async with opened(redis.url, tmp_path, time_zone="Europe/Berlin", now=clock(CHANGE)) as parts:
        await parts.ledger.post(entry(1, asked_at=at(CHANGE)))
        await parts.ledger.post(entry(2, asked_at=at(CHANGE - timedelta(days=3)), app="b"))
        days = await parts.reader.history(30)
    assert [day.date for day in days[:1] + days[-4:]] == [
        *("2035-09-29", "2035-10-25", "2035-10-26", "2035-10-27", "2035-10-28")
    ]
    assert len(days) == 30
    assert [day.totals.requests for day in days[-4:]] == [1, 0, 0, 1]
    assert days[-4].by_app["b"].cost_usd == "0.00000014"
    assert days[-1].by_service["llm"].requests == days[-1].by_model["gpt-4o-mini"].requests == 1


async def test_an_hour_and_the_pace_are_of_now(redis: Server, tmp_path: Path) -> None:
    now = datetime(2035, 11, 21, 12, 0, 30, tzinfo=UTC)
    async with opened(redis.url, tmp_path, now=clock(now)) as parts:
        for number, seconds in enumerate((1, 15, 40, 65, 100, 4000)):
            error = "timeout" if number == 1 else None
            moment = at(now - timedelta(seconds=seconds))
            await parts.ledger.post(entry(number, asked_at=moment, error=error, latency_us=0))
        pace = await parts.reader.minute_rate()
        hours = [(await parts.reader.hour(back)).requests for back in range(3)]
    # Full slots of ten seconds: what ended within the present one comes later.
    assert (pace.requests, pace.errors) == (3, 1)
    assert hours == [2, 3, 1]


async def test_notable_requests_are_those_of_the_last_hour_most_notable_first(
    redis: Server, tmp_path: Path
) -> None:
    now = datetime(2035, 11, 21, 12, 5, tzinfo=UTC)
    async with opened(redis.url, tmp_path, now=clock(now)) as parts:
        for number in range(300):
            moment = at(now - timedelta(seconds=15 * number))
            # Beyond an hour the dearest and slowest of all.
            await parts.ledger.post(
                entry(
                    number,
                    asked_at=moment,
                    cost=10**9 * (1 + number * 37 % 300),
                    latency_us=1000 * (1 + number * 59 % 300),
                    error="rate_limited" if number % 10 == 0 else None,
                    component="search",
                    stream=True,
                )
            )
        notable = await parts.reader.notable(5)
    recent = range(240)
    dearest = sorted(recent, key=lambda n: -(n * 37 % 300))[:5]
    slowest = sorted(recent, key=lambda n: -(n * 59 % 300))[:5]
    assert [int(one.trace_id, 16) for one in notable.dearest] == dearest
    assert [int(one.trace_id, 16) for one in notable.slowest] == slowest
    assert [int(one.trace_id, 16) for one in notable.failed] == [0, 10, 20, 30, 40]
    first = notable.failed[0]
    assert first.asked_at == "2035-11-21T12:05:00.000+00:00"
    assert (first.error, first.component, first.stream) == ("rate_limited", "search", True)
    assert first.cost_usd == "0.001"
    assert (first.input_tokens, first.output_tokens, first.latency_ms) == (10, 5, 1.0)


async def test_a_full_list_of_notable_requests_still_takes_a_more_notable_one(
    redis: Server, tmp_path: Path
) -> None:
    async with opened(redis.url, tmp_path) as parts:
        for number in range(200):
            await parts.ledger.post(entry(number, cost=1000 + number))
        await parts.ledger.post(entry(500, cost=10))
        await parts.ledger.post(entry(501, cost=10**6))
        notable = await parts.reader.notable(3)
        assert [int(one.trace_id, 16) for one in notable.dearest] == [501, 199, 198]
        size = await parts.redis.run(
            "ZCARD", lambda client: client.zcard("gaugeway:{ledger}:notable:dearest:3465432")
        )
    assert size == 50


async def test_what_is_no_longer_kept_is_not_complete(redis: Server, tmp_path: Path) -> None:
    sunday = datetime(2035, 11, 25, 12, tzinfo=UTC)
    async with opened(redis.url, tmp_path, now=clock(sunday)) as parts:
        calendar = Calendar("UTC", Retention(days=2))
        reader = LedgerReader(parts.redis, calendar, now=clock(sunday))
        assert not (await reader.usage("week")).complete
        assert (await reader.usage("yesterday")).complete
        assert (await parts.reader.usage("week")).complete


async def test_an_empty_ledger_has_all_documents(redis: Server, tmp_path: Path) -> None:
    async with opened(redis.url, tmp_path) as parts:
        usage = await parts.reader.usage("week")
        assert usage.totals.cost_usd == usage.totals.saved_usd == "0"
        assert usage.totals.latency.p50 is None
        assert (usage.by_model, usage.by_user, usage.users) == ({}, {}, 0)
        assert (await parts.reader.notable()).failed == ()
        assert (await parts.reader.hour()).requests == (await parts.reader.minute_rate()).errors


async def test_without_redis_nothing_is_told(own_redis: Server, tmp_path: Path) -> None:
    async with opened(own_redis.url, tmp_path) as parts:
        own_redis.kill()
        for read in (parts.reader.usage("today"), parts.reader.history(3), parts.reader.notable()):
            with pytest.raises(StoreUnavailable):
                await read
