from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.ledger.documents import Totals
from service.ledger.export.rows import COLUMNS, UsageRow
from service.ledger.export.text import Format, guarded, write_text
from tests.export.usage import row, stream

NAMES = [column.name for column in COLUMNS]
FORMULAS = re.compile(r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


async def written(form: Format, *rows: UsageRow) -> str:
    output = io.StringIO(newline="")
    assert await write_text(stream(*rows), output, form) == len(rows)
    return output.getvalue()


async def test_csv_has_a_header_and_a_line_for_each_row() -> None:
    text = await written("csv", row("a"), row("b"))
    assert text.count("\r\n") == 3
    header, first, second = csv.reader(io.StringIO(text, newline=""))
    assert header == NAMES
    found = dict(zip(header, first, strict=True))
    assert found["cost_usd"] == "0.00000000014"
    assert found["starts_at"] == "2026-11-14T00:00:00+01:00"
    assert found["day"] == "2026-11-14"
    assert (found["name"], second[header.index("name")]) == ("a", "b")


async def test_nothing_recorded_is_a_header_alone_or_an_empty_array() -> None:
    assert await written("csv") == ",".join(NAMES) + "\r\n"
    assert json.loads(await written("json")) == []
    assert await written("jsonl") == ""


async def test_what_has_no_latency_is_an_empty_cell_and_null() -> None:
    moment = datetime(2026, 11, 14, tzinfo=UTC)
    empty = UsageRow("hour", moment, moment, "total", "", Totals(requests=1))
    (found,) = csv.DictReader(io.StringIO(await written("csv", empty), newline=""))
    assert found["p95_latency_ms"] == ""
    assert json.loads(await written("json", empty))[0]["p95_latency_ms"] is None


@pytest.mark.parametrize("form", ["json", "jsonl"])
async def test_json_has_amounts_as_exact_strings(form: Format) -> None:
    rows = [row("a", cost="12345678.000000000001"), row("ünïcode 🎛\n")]
    text = await written(form, *rows)
    found = json.loads(text) if form == "json" else [json.loads(line) for line in text.splitlines()]
    assert [list(one) for one in found] == [NAMES, NAMES]
    assert found[0]["cost_usd"] == "12345678.000000000001"
    assert found[1]["name"] == "ünïcode 🎛\n"
    assert found[0]["requests"] == 3


@given(st.text())
def test_no_name_begins_like_a_formula_and_every_name_can_be_had_back(name: str) -> None:
    cell = guarded(name)
    assert not FORMULAS.match(cell)
    assert (cell[1:] if cell.startswith("'") else cell) == name


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
async def test_any_name_survives_csv(names: list[str]) -> None:
    text = await written("csv", *(row(name) for name in names))
    found = csv.DictReader(io.StringIO(text, newline=""))
    assert [cell["name"] for cell in found] == [guarded(name) for name in names]


@given(st.integers(min_value=0, max_value=2**63 - 1))
async def test_any_amount_is_written_exactly(amount: int) -> None:
    cost = Decimal(amount).scaleb(-12)
    one = row(cost=format(cost, "f"))
    (found,) = csv.DictReader(io.StringIO(await written("csv", one), newline=""))
    assert Decimal(found["cost_usd"]) == cost
    assert Decimal(json.loads(await written("jsonl", one))["cost_usd"]) == cost
    assert "e" not in found["cost_usd"].lower()


@pytest.mark.parametrize("form", ["csv", "json", "jsonl"])
async def test_duckdb_reads_it_as_it_is(form: Format, tmp_path: Path) -> None:
    file = tmp_path / f"usage.{form}"
    names = ["=cmd", "a,b", 'say "x"', "it's", "x\ny"]
    text = await written(form, *(row(name, cost="0.1") for name in names))
    file.write_bytes(text.encode())
    found = rows_of(f"SELECT name, cost_usd::DECIMAL(38, 12), requests FROM '{file}'")
    assert [(name.removeprefix("'"), cost, count) for name, cost, count in found] == [
        (name, Decimal("0.1"), 3) for name in names
    ]
    types = rows_of(f"SELECT DISTINCT typeof(day), typeof(starts_at) FROM '{file}'")
    assert types == [("DATE", "TIMESTAMP WITH TIME ZONE")]


def rows_of(query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        return connection.execute(query).fetchall()
