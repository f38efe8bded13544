"""What `gaugeway export` does: rows from the ledger to a file, standard output or PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import sys
from collections.abc import AsyncIterable, Awaitable, Callable, Generator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TextIO, TypeVar

from rich.console import Console

from cli.console import show_error
from cli.ledger_source import LedgerSourceError, open_store
from service.ledger.calendar import Calendar, Retention
from service.ledger.export.postgresql import (
    DEFAULT_TABLE,
    Database,
    ExportError,
    write_postgresql,
)
from service.ledger.export.reading import UsageRows
from service.ledger.export.rows import Grain, UsageRow
from service.ledger.export.span import DateError, Span, parse_day
from service.ledger.export.text import Format, write_text
from service.redis_store import StoreUnavailable
from service.settings import Settings, SettingsError, load_settings

T = TypeVar("T")

_REFUSALS = (
    DateError,
    ExportError,
    LedgerSourceError,
    SettingsError,
    StoreUnavailable,
    OSError,
)


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for; None where the command line says nothing. `address` is PostgreSQL's."""

    first: str | None = None
    last: str | None = None
    grain: Grain = "day"
    form: Format = "csv"
    output: Path | None = None
    address: str | None = field(default=None, repr=False)
    table: str | None = None
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class _Export:
    """An order with all that it needs to be carried out."""

    order: Order
    settings: Settings
    calendar: Calendar
    span: Span

    async def write(self, write: Callable[[AsyncIterable[UsageRow]], Awaitable[T]]) -> T:
        """Give every row to `write`."""
        async with open_store(self.settings) as store:
            rows = UsageRows(store, self.calendar).rows(self.span, self.order.grain)
            async with aclosing(rows):
                return await write(rows)

    def described(self) -> str:
        return (
            f"{self.span.first} to {self.span.last} by {self.order.grain} "
            f"({self.calendar.time_zone})"
        )


def run(order: Order) -> int:
    """Do it; the exit code. What went wrong is one message on standard error."""
    try:
        database = Database.parse(order.address) if order.address is not None else None
        settings = load_settings()
        calendar = _calendar(settings)
        span = span_of(order, datetime.now(UTC).astimezone(calendar.zone).date(), calendar)
        export = _Export(order, settings, calendar, span)
        said = _into_text(export) if database is None else _into_database(export, database)
    except BrokenPipeError:
        # Whoever read standard output has enough. Nothing is left to be flushed into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except _REFUSALS as error:
        show_error(str(error))
        return 1
    if not order.quiet:
        Console(stderr=True, highlight=False, soft_wrap=True).print(said, style="dim", markup=False)
    return 0


def span_of(order: Order, today: date, calendar: Calendar) -> Span:
    """Return the days asked for, by default all that are kept; raises `DateError`."""
    last = today if order.last is None else parse_day(order.last, today)
    if order.first is None:
        first = min(_first_kept(order.grain, today, calendar.retention), last)
    else:
        first = parse_day(order.first, today)
    if first > last:
        raise DateError(f"The first day, {first}, is after the last one, {last}.")
    return Span(first, last)


def _first_kept(grain: Grain, today: date, kept: Retention) -> date:
    # One more of each: how long is counted from the end of an hour, a day or a month.
    days = {"hour": kept.hours // 24 + 2, "day": kept.days + 1, "month": (kept.months + 1) * 31}
    return today - timedelta(days=days[grain])


def _calendar(settings: Settings) -> Calendar:
    kept = Retention(settings.ledger_hours, settings.ledger_days, settings.ledger_months)
    return Calendar(settings.time_zone, kept)


def _into_text(export: _Export) -> str:
    with _opened(export.order.output) as output:
        count = asyncio.run(export.write(lambda rows: write_text(rows, output, export.order.form)))
        output.flush()
    return f"{_rows(count)}, {export.described()}"


def _into_database(export: _Export, database: Database) -> str:
    table = export.order.table or DEFAULT_TABLE
    written = asyncio.run(export.write(lambda rows: write_postgresql(rows, database, table)))
    said = (
        f"{table}: {_rows(written.new)} added, {written.changed} brought up to date, "
        f"{written.unchanged} as they were; {export.described()}"
    )
    if written.kept:
        said += (
            f"\n{_rows(written.kept)} of the table hold more than the ledger, which has lost some; "
            "they stay"
        )
    return said


def _rows(count: int) -> str:
    return f"{count} row" if count == 1 else f"{count} rows"


@contextmanager
def _opened(path: Path | None) -> Generator[TextIO]:
    if path is None:
        output: TextIO = sys.stdout
        if isinstance(output, io.TextIOWrapper):
            # CSV brings its own ends of lines, and names are UTF-8 whatever the locale.
            output.reconfigure(encoding="utf-8", newline="")
        yield output
    elif path.exists() and not path.is_file():
        # A device or a pipe cannot be replaced.
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
    else:
        with _replacing(path) as file:
            yield file


@contextmanager
def _replacing(path: Path) -> Generator[TextIO]:
    """A file that appears under its name when it is whole, and not at all if it never is."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("w", encoding="utf-8", newline="") as file:
            yield file
        partial.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()
