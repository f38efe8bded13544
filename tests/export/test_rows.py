from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from service.ledger.calendar import Calendar
from service.ledger.entry import SERVICES, Entry
from service.ledger.export.reading import UsageRows
from service.ledger.export.rows import Grain, UsageRow
from service.ledger.export.span import Span
from service.ledger.loss_file import Lost
from service.ledger.loss_recording import LossRecorder
from service.ledger.recording import Bounds
from service.ledger.scripts import ScriptQueue
from service.money import dollars
from service.redis_store import RedisStore, StoreUnavailable
from tests.export.recorded import entry, fill, varied

BERLIN = Calendar("Europe/Berlin")
TODAY = datetime.now(BERLIN.zone).date()
NAMES: dict[str, Callable[[Entry], str | None]] = {
    "model": lambda one: one.model,
    "app": lambda one: one.app,
    "user": lambda one: one.user,
    "component": lambda one: one.component,
    "service": lambda one: SERVICES[one.operation],
}


def at(day: date, hour: int, minute: int = 0, calendar: Calendar = BERLIN) -> datetime:
    return calendar.midnight(day).replace(hour=hour, minute=minute)


async def rows_of(
    url: str, grain: Grain, first: date, last: date, calendar: Calendar = BERLIN
) -> list[UsageRow]:
    store = RedisStore(url, timeout=5, pool_size=2)
    try:
        return [row async for row in UsageRows(store, calendar).rows(Span(first, last), grain)]
    finally:
        await store.close()


def cost_of(entries: list[Entry]) -> Decimal:
    return sum((dollars(one.cost or 0) for one in entries), Decimal(0))


async def test_every_dimension_adds_up_to_what_was_recorded(redis_url: str) -> None:
    entries = varied([at(TODAY, 0), at(TODAY, 12), at(TODAY, 23, 59)], 400)
    await fill(redis_url, BERLIN, entries)
    rows = await rows_of(redis_url, "day", TODAY, TODAY)
    for dimension in ("total", "service", "provider", "model", "app", "operation"):
        found = [row.totals for row in rows if row.dimension == dimension]
        assert sum(Decimal(one.cost_usd) for one in found) == cost_of(entries)
        assert sum(one.requests for one in found) == 400
        assert sum(one.errors for one in found) == sum(one.error is not None for one in entries)
        assert sum(one.cache_hits for one in found) == sum(one.cache_hit for one in entries)
        assert sum(one.characters for one in found) == sum(one.characters for one in entries)
        assert sum(one.tokens.input for one in found) == sum(
            one.tokens["input_tokens"] for one in entries
        )


@pytest.mark.parametrize("dimension", NAMES)
async def test_each_name_has_what_was_recorded_under_it(redis_url: str, dimension: str) -> None:
    name_of = NAMES[dimension]
    entries = varied([at(TODAY, 1), at(TODAY, 12)], 200)
    await fill(redis_url, BERLIN, entries)
    rows = await rows_of(redis_url, "day", TODAY, TODAY)
    names = [name_of(one) for one in entries]
    found = {row.name: row.totals for row in rows if row.dimension == dimension}
    assert {name: totals.requests for name, totals in found.items()} == Counter(filter(None, names))
    for name, totals in found.items():
        own = [one for one, its in zip(entries, names, strict=True) if its == name]
        assert Decimal(totals.cost_usd) == cost_of(own)
        saved = sum(one.saved_by_response_cache + one.saved_by_prompt_cache for one in own)
        assert Decimal(totals.saved_usd) == dollars(saved)
        assert totals.latency.total_latency_ms == sum(one.latency_us for one in own) / 1000


async def test_a_name_has_one_row_a_bucket(redis_url: str) -> None:
    moments = [at(TODAY - timedelta(days=back), hour) for back in range(3) for hour in (0, 9, 23)]
    await fill(redis_url, BERLIN, varied(moments, 300))
    for grain in ("hour", "day", "month"):
        rows = await rows_of(redis_url, grain, TODAY - timedelta(days=3), TODAY)
        keys = [(row.grain, row.starts_at, row.dimension, row.name) for row in rows]
        assert len(set(keys)) == len(keys)
        starts = [row.starts_at for row in rows]
        assert starts == sorted(starts)


async def test_hours_add_up_to_their_day_and_days_to_their_months(redis_url: str) -> None:
    moments = [at(TODAY - timedelta(days=back), hour) for back in (0, 1) for hour in range(24)]
    entries = varied(moments, 300)
    await fill(redis_url, BERLIN, entries)
    first = TODAY - timedelta(days=1)
    costs: dict[str, Decimal] = {}
    for grain in ("hour", "day", "month"):
        rows = await rows_of(redis_url, grain, first, TODAY)
        totals = [row.totals for row in rows if row.dimension == "total"]
        costs[grain] = sum((Decimal(one.cost_usd) for one in totals), Decimal(0))
    assert costs == dict.fromkeys(("hour", "day", "month"), cost_of(entries))


async def test_days_begin_at_midnight_of_the_ledgers_zone(redis_url: str) -> None:
    yesterday = TODAY - timedelta(days=1)
    late, early = at(yesterday, 23, 59), at(TODAY, 0)
    await fill(redis_url, BERLIN, [entry(late, 1), entry(early, 2), entry(early, 3)])
    rows = await rows_of(redis_url, "day", yesterday, TODAY)
    totals = {row.starts_at: row.totals.requests for row in rows if row.dimension == "total"}
    assert totals == {BERLIN.midnight(yesterday): 1, BERLIN.midnight(TODAY): 2}
    assert {row.ends_at - row.starts_at for row in rows} == {timedelta(days=1)}
    only_today = await rows_of(redis_url, "day", TODAY, TODAY)
    assert [row.totals.requests for row in only_today if row.dimension == "total"] == [2]


async def test_users_beyond_those_kept_apart_are_there_together(redis_url: str) -> None:
    entries = [entry(at(TODAY, 3), n, user=f"user{n:02}", cost=n) for n in range(1, 8)]
    await fill(redis_url, BERLIN, entries, Bounds(users=4))
    rows = await rows_of(redis_url, "day", TODAY, TODAY)
    users = {row.name: row.totals for row in rows if row.dimension == "user"}
    assert sorted(users) == ["_OTHER", "user01", "user02", "user03", "user04"]
    assert users["_OTHER"].requests == 3
    assert Decimal(users["_OTHER"].cost_usd) == dollars(5 + 6 + 7)


async def test_more_users_than_are_read_at_once_all_have_rows(redis_url: str) -> None:
    entries = [entry(at(TODAY, 3), n, user=f"user{n:03}") for n in range(1, 451)]
    await fill(redis_url, BERLIN, entries)
    rows = await rows_of(redis_url, "day", TODAY, TODAY)
    assert [row.name for row in rows if row.dimension == "user"] == [one.user for one in entries]


async def test_a_long_span_with_little_in_it_gives_that_little(redis_url: str) -> None:
    await fill(redis_url, BERLIN, [entry(at(TODAY, 3), 1)])
    rows = await rows_of(redis_url, "hour", TODAY - timedelta(days=60), TODAY)
    assert [(row.dimension, row.name) for row in rows] == [
        ("total", ""),
        ("service", "llm"),
        ("operation", "chat"),
        ("provider", "openai"),
        ("model", "gpt-4o"),
        ("app", "web-chat"),
    ]
    assert {row.starts_at for row in rows} == {at(TODAY, 3)}


@pytest.mark.parametrize("grain", ["hour", "day", "month"])
async def test_what_was_lost_has_a_row_by_its_reason(redis_url: str, grain: Grain) -> None:
    """Also where nothing else is known of the time."""
    await fill(redis_url, BERLIN, [])
    store = RedisStore(redis_url, timeout=5, pool_size=2)
    amounts = {"requests": 3, "cost": 420_000, "unpriced": 1}
    lost = Lost(1, int(at(TODAY, 3).timestamp() * 1000), "journal_failed", amounts)
    await LossRecorder(ScriptQueue(store), BERLIN).tell("worker", 0, lost)
    await store.close()
    whole, row = await rows_of(redis_url, grain, TODAY, TODAY)
    assert (whole.dimension, whole.totals.requests) == ("total", 0)
    assert (row.dimension, row.name) == ("lost", "journal_failed")
    assert (row.totals.requests, row.totals.unpriced_requests) == (3, 1)
    assert Decimal(row.totals.cost_usd) == Decimal("0.00000042")


async def test_a_redis_that_is_away_ends_the_reading() -> None:
    with pytest.raises(StoreUnavailable):
        await rows_of("unix:///nowhere/redis.sock", "day", TODAY, TODAY)


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("UTC", date(2026, 11, 1), 24),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Asia/Kolkata", date(2026, 11, 1), 24),
    ],
)
def test_a_day_has_the_hours_it_has_there(zone: str, day: date, hours: int) -> None:
    calendar = Calendar(zone)
    found = list(Span(day, day).buckets("hour", calendar))
    assert len(found) == hours
    assert all(one.starts_at.date() == day for one in found)
    lengths = {one.ends_at.astimezone(UTC) - one.starts_at.astimezone(UTC) for one in found}
    assert lengths == {timedelta(hours=1)}
    names = [one.name for one in found]
    assert names == sorted(set(names))


def test_no_hour_is_in_two_days_and_none_in_no_day() -> None:
    calendar = Calendar("Asia/Kolkata")
    days = [date(2026, 11, 1) + timedelta(days=n) for n in range(5)]
    apart = [b.name for day in days for b in Span(day, day).buckets("hour", calendar)]
    together = [b.name for b in Span(days[0], days[-1]).buckets("hour", calendar)]
    assert apart == together


def test_months_that_are_only_touched_are_there_as_a_whole() -> None:
    found = list(Span(date(2026, 10, 31), date(2027, 1, 1)).buckets("month", BERLIN))
    assert [one.name for one in found] == ["2026-10", "2026-11", "2026-12", "2027-01"]
    assert found[0].starts_at == BERLIN.midnight(date(2026, 10, 1))
    assert found[-1].ends_at == BERLIN.midnight(date(2027, 2, 1))
