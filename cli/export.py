"""`gaugeway export`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from cli.console import show_error

_DATABASE = ("postgresql://", "postgres://")


class Grain(StrEnum):
    """What `--by` takes."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


class Format(StrEnum):
    """What `--format` takes."""

    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


First = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="DAY",
        help="The first day: 2026-11-01, today or yesterday; by default the first that is kept.",
        show_default=False,
    ),
]
Destinations = Annotated[
    list[str] | None,
    typer.Option(
        "--to",
        metavar="DAY|URL",
        help="The last day, which is exported too, or a postgresql:// address to write to. "
        "May be given once for each.",
        show_default=False,
    ),
]
Until = Annotated[
    str | None,
    typer.Option(
        metavar="DAY", help="The last day, as --to; by default today.", show_default=False
    ),
]
Form = Annotated[
    Format | None,
    typer.Option("--format", help="Of the text; csv by default.", show_default=False),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Where the text goes; standard output by default.",
        show_default=False,
    ),
]
Table = Annotated[
    str | None,
    typer.Option(
        metavar="[SCHEMA.]TABLE",
        help="In PostgreSQL; gaugeway_usage by default.",
        show_default=False,
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing when all is well.")]


def export(
    *,
    first: First = None,
    to: Destinations = None,
    until: Until = None,
    by: Annotated[Grain, typer.Option(help="What one row covers.")] = Grain.DAY,
    form: Form = None,
    output: Output = None,
    table: Table = None,
    quiet: Quiet = False,
) -> None:
    """Write what was used, and what it cost, as CSV or JSON or into a table of PostgreSQL.

    One row for each hour, day or month and each name: the whole, services, providers, models, apps,
    operations, components and users. The same days written to PostgreSQL again bring its rows up to
    date and add none twice.
    """
    address, last = _destinations(to or [], until)
    if address is None and table is not None:
        _refuse("--table is a table of PostgreSQL: give --to postgresql://… as well")
    if address is not None and (form is not None or output is not None):
        _refuse("--format and --output are for text: leave them out with --to postgresql://…")
    # PostgreSQL's client is loaded by this command alone.
    from cli.exporting import Order, run

    order = Order(
        first=first,
        last=last,
        grain=by.value,
        form=(form or Format.CSV).value,
        output=output,
        address=address,
        table=table,
        quiet=quiet,
    )
    raise typer.Exit(run(order))


def _destinations(to: list[str], until: str | None) -> tuple[str | None, str | None]:
    """Tell the database's address from the last day: `--to` takes both."""
    addresses = [text for text in to if text.startswith(_DATABASE)]
    days = [text for text in to if text not in addresses]
    if any(set(text) & set(":/@=") for text in days):
        # It may be an address with a password in it, so it is not repeated.
        _refuse("--to takes a day, as 2026-11-30, or an address that begins with postgresql://")
    if until is not None:
        days.append(until)
    if len(addresses) > 1:
        _refuse("there is more than one address of PostgreSQL in --to; give one")
    if len(days) > 1:
        _refuse(f"the last day is given more than once: {', '.join(days)}; give one")
    return next(iter(addresses), None), next(iter(days), None)


def _refuse(message: str) -> NoReturn:
    show_error(message)
    raise typer.Exit(2)
