"""What `gaugeway export` does: rows from the ledger to a file, standard output or PostgreSQL."""

from __future__ import annotations

import asyncio
import io
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable, Generator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from rich.console import Console

from cli.console import show_error
from cli.ledger_source import LedgerSourceError, open_store
from service.atomic_file import replacing
from service.ledger.calendar import Calendar, Retention
from service.ledger.counters import LOST
from service.ledger.export.postgresql import (
    DEFAULT_TABLE,
    Database,
    ExportError,
    Written,
    table_name,
    write_postgresql,
)
from service.ledger.export.reading import UsageRows
from service.ledger.export.rows import Grain, UsageRow
from service.ledger.export.span import DateError, Span, parse_day
from service.ledger.export.text import Format, Output, write_text
from service.ledger.zone import remembered_time_zone
from service.redis_store import StoreUnavailable
from service.settings import Settings, SettingsError, load_settings

# Far enough from where calendars end that every zone's midnights can be told.
_EARLIEST, _LATEST = date(2000, 1, 1), date(9000, 1, 1)
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
class _Exported:
    """What a writer made of the rows, and which days, by which time zone, they were of."""

    result: Any
    description: str


def run(order: Order) -> int:
    """Do it; the exit code. What went wrong is one message on standard error."""
    try:
        settings = load_settings()
        calendar = _calendar(settings, settings.time_zone)
        # What is no address, no table or no day is refused before anything is opened.
        span_of(order, _today(calendar), calendar)
        if order.address is None:
            said = _into_text(order, settings)
        else:
            said = _into_database(order, Database.parse(order.address), settings)
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


async def _export(
    order: Order,
    settings: Settings,
    write: Callable[[AsyncIterable[UsageRow]], Awaitable[object]],
) -> _Exported:
    """Give every row to `write`."""
    async with open_store(settings) as store:
        # The service's own word goes before this environment's, which may be cron's.
        zone = await remembered_time_zone(store) or settings.time_zone
        calendar = _calendar(settings, zone)
        today = _today(calendar)
        span = span_of(order, today, calendar)
        rows = UsageRows(store, calendar).rows(span, order.grain)
        tally = _Tally()
        async with aclosing(rows):
            result = await write(tally.count(rows))
    said = f"{span.first} to {span.last} by {order.grain} ({zone})"
    kept = _first_kept(order.grain, today, calendar.retention)
    if span.first < kept:
        said += f"\nfrom before {kept} the ledger keeps nothing by {order.grain}, unless " + (
            f"GAUGEWAY_LEDGER_{order.grain.upper()}S says more where the service runs"
        )
    if tally.lost:
        said += (
            f"\n{tally.lost} of these requests were lost: they are in the rows of the dimension "
            "lost, and in no other"
        )
    return _Exported(result, said)


class _Tally:
    """Counts what is missing from rows while they go by."""

    def __init__(self) -> None:
        self.lost = 0

    async def count(self, rows: AsyncIterable[UsageRow]) -> AsyncGenerator[UsageRow]:
        async for row in rows:
            if row.dimension == LOST:
                self.lost += row.totals.requests
            yield row


def _today(calendar: Calendar) -> date:
    return datetime.now(UTC).astimezone(calendar.zone).date()


def span_of(order: Order, today: date, calendar: Calendar) -> Span:
    """Return the days asked for, by default all that are kept; raises `DateError`."""
    last = today if order.last is None else parse_day(order.last, today)
    if order.first is None:
        first = min(_first_kept(order.grain, today, calendar.retention), last)
    else:
        first = parse_day(order.first, today)
    if first > last:
        raise DateError(f"The first day, {first}, is after the last one, {last}.")
    if first < _EARLIEST or last > _LATEST:
        raise DateError(f"There is no ledger before {_EARLIEST} or after {_LATEST}.")
    return Span(first, last)


def _first_kept(grain: Grain, today: date, kept: Retention) -> date:
    # One more of each: how long is counted from the end of an hour, a day or a month.
    days = {"hour": kept.hours // 24 + 2, "day": kept.days + 1, "month": (kept.months + 1) * 31}
    return today - timedelta(days=days[grain])


def _calendar(settings: Settings, time_zone: str) -> Calendar:
    kept = Retention(settings.ledger_hours, settings.ledger_days, settings.ledger_months)
    return Calendar(time_zone, kept)


def _into_text(order: Order, settings: Settings) -> str:
    with _opened(order.output) as output:
        exported = asyncio.run(
            _export(order, settings, lambda rows: write_text(rows, output, order.form))
        )
    return f"{_rows(exported.result)}, {exported.description}"


def _into_database(order: Order, database: Database, settings: Settings) -> str:
    table = order.table or DEFAULT_TABLE
    table_name(table)
    exported = asyncio.run(
        _export(order, settings, lambda rows: write_postgresql(rows, database, table))
    )
    written: Written = exported.result
    said = (
        f"{table}: {_rows(written.new)} added, {written.changed} brought up to date, "
        f"{written.unchanged} as they were; {exported.description}"
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
def _opened(path: Path | None) -> Generator[Output]:
    if path is None:
        output: TextIO = sys.stdout
        if isinstance(output, io.TextIOWrapper):
            # CSV brings its own ends of lines, and names are UTF-8 whatever the locale.
            output.reconfigure(encoding="utf-8", newline="")
        yield output
        output.flush()
    elif path.exists() and not path.is_file():
        # A device or a pipe cannot be replaced.
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
    else:
        with _replacing(path) as file:
            yield file


@contextmanager
def _replacing(path: Path) -> Generator[Output]:
    """A file that appears under its name when it is whole, and not at all if it never is."""
    try:
        with replacing(path, mode=None) as file:
            yield _Encoded(file)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror}.") from None


class _Encoded:
    """Text into a file of bytes; names are UTF-8 whatever the locale."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def write(self, text: str, /) -> int:
        return self._file.write(text.encode())
