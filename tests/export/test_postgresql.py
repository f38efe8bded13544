from __future__ import annotations

import asyncio
import traceback
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from service.ledger.documents import Totals
from service.ledger.export.postgresql import Database, ExportError, Written, write_postgresql
from service.ledger.export.rows import COLUMNS, UsageRow
from tests.export.conftest import EmptyDatabase
from tests.export.postgresql import PASSWORD, PostgreSQL
from tests.export.usage import row, stream


async def export(
    database: EmptyDatabase, *rows: UsageRow, table: str = "gaugeway_usage"
) -> Written:
    return await write_postgresql(stream(*rows), Database.parse(database.url), table)


async def test_the_table_is_made_with_indexes_on_time_and_on_name(database: EmptyDatabase) -> None:
    await export(database, row())
    names = database.ask(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_name = 'gaugeway_usage' ORDER BY ordinal_position"
    )
    assert [name for (name,) in names] == [*(column.name for column in COLUMNS), "exported_at"]
    definitions = [text for (text,) in database.ask("SELECT indexdef FROM pg_indexes")]
    for columns in ("(grain, starts_at, dimension, name)", "(starts_at)", "(name, starts_at)"):
        assert any(text.endswith(f"gaugeway_usage USING btree {columns}") for text in definitions)


async def test_every_figure_arrives_exactly(database: EmptyDatabase) -> None:
    await export(database, row(cost="12345678.000000000001"))
    columns = ", ".join(column.name for column in COLUMNS)
    (stored,) = database.ask(f"SELECT {columns} FROM gaugeway_usage")
    found = dict(zip((column.name for column in COLUMNS), stored, strict=True))
    assert found["cost_usd"] == Decimal("12345678.000000000001")
    assert found["saved_usd"] == Decimal("12.5")
    assert found["day"] == date(2026, 11, 14)
    # Midnight in Berlin, whatever zone the server is in.
    assert found["starts_at"] == datetime(2026, 11, 13, 23, tzinfo=UTC)
    assert found["ends_at"] == datetime(2026, 11, 14, 23, tzinfo=UTC)
    assert (found["input_tokens"], found["cache_read_tokens"], found["characters"]) == (
        1000,
        500,
        12,
    )
    assert (found["audio_seconds"], found["avg_latency_ms"]) == (1.5, 150.25)
    assert (found["p50_latency_ms"], found["p99_latency_ms"]) == (120.0, 220.0)


async def test_what_has_no_latency_has_none_there_either(database: EmptyDatabase) -> None:
    start = datetime(2026, 11, 14, tzinfo=UTC)
    await export(database, UsageRow("hour", start, start, "total", "", Totals(requests=1)))
    assert database.ask("SELECT avg_latency_ms, p95_latency_ms FROM gaugeway_usage") == [
        (None, None)
    ]


async def test_a_second_export_of_the_same_span_changes_nothing(database: EmptyDatabase) -> None:
    rows = [row(name, day=day) for name in ("a", "b") for day in (1, 2)]
    assert await export(database, *rows) == Written(new=4, changed=0, unchanged=0, kept=0)
    before = database.ask("SELECT * FROM gaugeway_usage ORDER BY day, name")
    versions = database.ask("SELECT xmin, ctid FROM gaugeway_usage ORDER BY day, name")
    assert await export(database, *rows) == Written(new=0, changed=0, unchanged=4, kept=0)
    assert database.ask("SELECT * FROM gaugeway_usage ORDER BY day, name") == before
    assert database.ask("SELECT xmin, ctid FROM gaugeway_usage ORDER BY day, name") == versions


async def test_a_bucket_that_has_grown_is_brought_up_to_date(database: EmptyDatabase) -> None:
    await export(database, row(day=13), row(day=14, cost="1"))
    written = await export(database, row(day=14, cost="2.5", requests=4), row(day=15))
    assert written == Written(new=1, changed=1, unchanged=0, kept=0)
    assert database.ask(
        "SELECT requests, cost_usd FROM gaugeway_usage WHERE day = '2026-11-14'"
    ) == [(4, Decimal("2.5"))]


async def test_figures_never_shrink_when_the_ledger_has_lost_some(database: EmptyDatabase) -> None:
    await export(database, row(cost="9", requests=10))
    written = await export(database, row(cost="1", requests=2))
    assert written == Written(new=0, changed=0, unchanged=1, kept=1)
    assert database.ask("SELECT requests, cost_usd FROM gaugeway_usage") == [(10, Decimal(9))]


async def test_exports_at_the_same_time_end_with_the_newest_figures(
    database: EmptyDatabase,
) -> None:
    written = await asyncio.gather(
        *(export(database, row(requests=number, cost=str(number))) for number in range(1, 9))
    )
    assert sum(one.new for one in written) == 1
    assert database.ask("SELECT requests, cost_usd FROM gaugeway_usage") == [(8, Decimal(8))]


async def test_an_export_that_breaks_off_leaves_nothing(database: EmptyDatabase) -> None:
    await export(database, row(day=1))

    async def broken() -> AsyncIterator[UsageRow]:
        yield row(day=2)
        raise RuntimeError("Redis went away")

    with pytest.raises(RuntimeError, match="Redis went away"):
        await write_postgresql(broken(), Database.parse(database.url))
    assert database.ask("SELECT day FROM gaugeway_usage") == [(date(2026, 11, 1),)]


async def test_names_that_callers_chose_are_only_names(database: EmptyDatabase) -> None:
    names = [
        "'; DROP TABLE gaugeway_usage; --",
        "tab\there\\N",
        "=1+1",
        "",
        "\\N",
        "ünïcode 🎛",
        "a\0b",
    ]
    await export(database, *(row(name, dimension="app") for name in names))
    found = {name for (name,) in database.ask("SELECT name FROM gaugeway_usage")}
    assert found == {*names[:-1], "a\ufffdb"}


async def test_another_table_in_another_schema_is_used_when_asked_for(
    database: EmptyDatabase,
) -> None:
    database.run('CREATE SCHEMA "Finance"')
    await export(database, row(), table="Finance.llm usage")
    assert database.ask('SELECT count(*) FROM "Finance"."llm usage"') == [(1,)]
    assert await export(database, row(), table="Finance.llm usage") == Written(0, 0, 1, 0)


async def test_a_role_that_may_only_write_rows_can_export(
    database: EmptyDatabase, postgresql_server: PostgreSQL
) -> None:
    await export(database, row(day=1))
    database.run("CREATE ROLE exporter LOGIN PASSWORD 'only writes'")
    database.run("GRANT SELECT, INSERT, UPDATE ON gaugeway_usage TO exporter")
    url = postgresql_server.url(database.name, user="exporter", password="only writes")
    written = await write_postgresql(stream(row(day=2)), Database.parse(url))
    assert written == Written(new=1, changed=0, unchanged=0, kept=0)
    with pytest.raises(ExportError, match="permission denied"):
        await write_postgresql(stream(row()), Database.parse(url), "another")


async def test_a_table_of_another_kind_is_refused_and_named(database: EmptyDatabase) -> None:
    database.run("CREATE TABLE gaugeway_usage (id int)")
    with pytest.raises(ExportError, match=r"into gaugeway_usage.*grain"):
        await export(database, row())


@pytest.mark.parametrize("table", ["", "a.b.c", "a.", "x" * 64])
async def test_what_is_no_table_name_is_refused(database: EmptyDatabase, table: str) -> None:
    with pytest.raises(ExportError, match="not the name of a table"):
        await export(database, row(), table=table)


async def test_a_refused_password_is_never_repeated(postgresql_server: PostgreSQL) -> None:
    wrong = "wr0ng & long"
    address = Database.parse(postgresql_server.url(password=wrong))
    assert wrong not in repr(address)
    with pytest.raises(ExportError, match="authentication failed") as failed:
        await write_postgresql(stream(), address)
    said = "".join(traceback.format_exception(failed.value)) + repr(failed.value)
    assert wrong not in said
    assert PASSWORD not in said


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://user:s3cret@127.0.0.1:1/db",
        "postgresql://user:s3cret@127.0.0.1:s3cret/db",
        "postgresql://user:s3cret@[::1/db",
        "postgresql://user:s3cret%zz@127.0.0.1:1/db",
        "postgresql://user@127.0.0.1:1/db?password=s3cret",
        "postgresql://user:pa@ss:s3cret@127.0.0.1:1/db",
        "postgresql://user:pass@s3cret@127.0.0.1:1/db",
        "postgresql://user:1/s3cret@127.0.0.1:1/db",
        "postgresql://user:1?s3cret@127.0.0.1:1/db",
        "postgresql://user@127.0.0.1:1/db?s3cret=s3cret",
    ],
)
async def test_an_address_that_cannot_be_used_is_not_repeated_with_its_password(
    address: str,
) -> None:
    with pytest.raises(ExportError) as failed:
        await write_postgresql(stream(), Database.parse(address))
    assert "s3cret" not in "".join(traceback.format_exception(failed.value))
