"""Rows as CSV, as a JSON array, or as JSON with one object a line.

Times are ISO 8601 with their offset. Amounts are exact: plain decimals in CSV, strings in JSON,
whose readers would make doubles of them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import AsyncIterable
from datetime import date
from decimal import Decimal
from typing import Literal, Protocol

from service.ledger.export.rows import COLUMNS, UsageRow, Value, values
from service.money import amount_text

Format = Literal["csv", "json", "jsonl"]

# What a spreadsheet takes for the beginning of a formula, and the mark that keeps it from doing so.
_GUARD = "'"
_GUARDED = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", _GUARD)  # noqa: RUF001 - full-width on purpose


class Output(Protocol):
    """What text is written to."""

    def write(self, text: str, /) -> object:
        """Take some text."""
        ...


async def write_text(rows: AsyncIterable[UsageRow], output: Output, form: Format) -> int:
    """Write the rows as they come, holding one at a time; how many they were."""
    writer = {"csv": _write_csv, "json": _write_array, "jsonl": _write_lines}[form]
    return await writer(rows, output)


def guarded(name: str) -> str:
    """A name as a CSV cell that no spreadsheet runs as a formula.

    An apostrophe goes before a name that begins like a formula, and before one that begins with an
    apostrophe: taking one away from the front gives every name back exactly.
    """
    return _GUARD + name if name.startswith(_GUARDED) else name


async def _write_csv(rows: AsyncIterable[UsageRow], output: Output) -> int:
    writer = csv.writer(output, lineterminator="\r\n")
    writer.writerow(column.name for column in COLUMNS)
    count = 0
    async for row in rows:
        writer.writerow(_cell(value) for value in values(row))
        count += 1
    return count


async def _write_array(rows: AsyncIterable[UsageRow], output: Output) -> int:
    count = 0
    async for row in rows:
        output.write(("," if count else "[") + "\n" + _object(row))
        count += 1
    output.write("\n]\n" if count else "[]\n")
    return count


async def _write_lines(rows: AsyncIterable[UsageRow], output: Output) -> int:
    count = 0
    async for row in rows:
        output.write(_object(row) + "\n")
        count += 1
    return count


def _cell(value: Value) -> str | int | float | None:
    return guarded(value) if isinstance(value, str) else _plain(value)


def _object(row: UsageRow) -> str:
    pairs = zip(COLUMNS, values(row), strict=True)
    return json.dumps({column.name: _plain(value) for column, value in pairs}, ensure_ascii=False)


def _plain(value: Value) -> str | int | float | None:
    if isinstance(value, Decimal):
        return amount_text(value)
    return value.isoformat() if isinstance(value, date) else value
