from __future__ import annotations

import os
import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest
from psycopg.rows import dict_row

from service.ledger.calendar import Calendar
from service.ledger.entry import Entry
from service.ledger.export.postgresql import Database, write_postgresql
from service.ledger.export.reading import UsageRows
from service.ledger.export.rows import COLUMNS
from service.ledger.export.span import Span
from service.ledger.export.text import write_text
from service.money import dollars
from service.redis_store import RedisStore
from tests.export.conftest import EmptyDatabase
from tests.export.recorded import fill, varied

DOCUMENT = Path(__file__).parents[2] / "docs" / "export.md"
TEXT = DOCUMENT.read_text(encoding="utf-8")
CALENDAR = Calendar("UTC")
TODAY = datetime.now(UTC).date()
SPAN = Span(TODAY - timedelta(days=34), TODAY)
TITLES = (
    "What one model costs a day",
    "The dearest apps",
    "Month over month",
    "What caching saves",
    "How the 95th percentile",
)


def examples(language: str) -> list[str]:
    return re.findall(rf"^```sql {language}\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


def recorded() -> list[Entry]:
    moments = [CALENDAR.midnight(TODAY - timedelta(days=back)) for back in range(34)]
    return varied(moments, 500)


def costs(entries: list[Entry], name: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = defaultdict(Decimal)
    for one in entries:
        found[getattr(one, name)] += dollars(one.cost or 0)
    return dict(found)


async def write_files(redis_url: str, folder: Path) -> None:
    store = RedisStore(redis_url, timeout=5, pool_size=2)
    for form in ("csv", "json"):
        with (folder / f"usage.{form}").open("w", encoding="utf-8", newline="") as file:
            await write_text(UsageRows(store, CALENDAR).rows(SPAN, "day"), file, form)
    await store.close()


def test_every_column_is_explained() -> None:
    for column in COLUMNS:
        assert f"`{column.name}`" in TEXT, column.name


def test_both_have_an_example_of_everything_promised() -> None:
    postgresql, _, duckdb_part = TEXT.partition("## DuckDB")
    for title in TITLES:
        assert title in postgresql.partition("## PostgreSQL")[2]
        assert title in duckdb_part
    assert len(examples("postgresql")) == 5
    assert len(examples("duckdb")) == 8
    assert TEXT.count("```sql") == 13


async def test_the_examples_for_postgresql_give_what_was_recorded(
    redis_url: str, database: EmptyDatabase
) -> None:
    entries = recorded()
    await fill(redis_url, CALENDAR, entries)
    store = RedisStore(redis_url, timeout=5, pool_size=2)
    rows = UsageRows(store, CALENDAR).rows(SPAN, "day")
    await write_postgresql(rows, Database.parse(database.url))
    await store.close()
    by_model, apps, months, saved, p95 = (answers(database, q) for q in examples("postgresql"))
    assert {row["model"] for row in by_model} == {one.model for one in entries}
    assert sum(row["cost_usd"] for row in apps) <= sum(costs(entries, "app").values())
    assert abs(sum(row["percent"] for row in apps) - 100) < 1
    assert sum(row["cost_usd"] for row in months) == sum(costs(entries, "app").values())
    assert months[0]["change_usd"] is None
    assert months[1]["change_usd"] == months[1]["cost_usd"] - months[0]["cost_usd"]
    assert sum(row["saved_usd"] for row in saved) == dollars(
        sum(one.saved_by_response_cache + one.saved_by_prompt_cache for one in entries)
    )
    assert all(row["p95_latency_ms"] > 0 and row["week_ms"] > 0 for row in p95)


@pytest.mark.parametrize("source", [0, 1], ids=["csv", "json"])
async def test_the_examples_for_duckdb_give_what_was_recorded(
    redis_url: str, tmp_path: Path, source: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = recorded()
    await fill(redis_url, CALENDAR, entries)
    await write_files(redis_url, tmp_path)
    monkeypatch.chdir(tmp_path)
    views, queries = examples("duckdb")[:2], examples("duckdb")[2:]
    with duckdb.connect() as connection:
        connection.execute(views[source])
        found = [connection.execute(query).fetchall() for query in queries]
    by_model, apps, months, saved, p95, _ = found
    total = sum(costs(entries, "app").values())
    assert {row[1] for row in by_model} == {one.model for one in entries}
    assert {row[0]: row[2] for row in apps} == costs(entries, "app")
    assert sum(row[1] for row in months) == total
    assert sum(row[2] for row in saved) == dollars(
        sum(one.saved_by_response_cache + one.saved_by_prompt_cache for one in entries)
    )
    assert all(row[2] > 0 for row in p95)
    assert all(found)


def test_the_cron_line_is_one_that_cron_takes() -> None:
    (line,) = re.findall(r"^```cron\n(.*?)\n```$", TEXT, re.DOTALL | re.MULTILINE)
    # A percent sign would end the command.
    assert "%" not in line
    assert os.linesep not in line
    assert re.match(r"\d+ \* \* \* \*  GAUGEWAY_HOME=\S+ \S+/gaugeway export ", line)


def answers(database: EmptyDatabase, query: str) -> list[dict[str, Any]]:
    with psycopg.connect(database.url) as connection:
        found = connection.cursor(row_factory=dict_row).execute(query.encode()).fetchall()
    assert found, query
    return found
