"""`gaugeway keys`: who may call the service."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cli.console import console, show_error
from service.keys import KEYS_FILE, Role, add_key, locked, read_records, write_records
from stack.home import private_directory
from stack.settings import load

keys = typer.Typer(
    help="Make, list and revoke API keys. A running service takes changes in within seconds.",
    no_args_is_help=True,
)


@keys.command()
def create(
    app: Annotated[str, typer.Argument(help="The app that will use it: a label on its metrics.")],
    *,
    admin: Annotated[bool, typer.Option("--admin", help="Give it the role admin.")] = False,
) -> None:
    """Make a key and print it, this once: only its digest is kept."""
    home = private_directory(load().home.path)
    role: Role = "admin" if admin else "app"
    typer.echo(add_key(home, app, role))


@keys.command(name="list")
def list_keys() -> None:
    """Show the keys there are: id, app, role, when they were made."""
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("id", "app", "role", "made", "revoked"):
        table.add_column(heading, no_wrap=True)
    for record in read_records(load().home.path / KEYS_FILE):
        revoked = record.revoked_at or ""
        table.add_row(record.id, escape(record.app), record.role, record.created_at, revoked)
    console().print(table)


@keys.command()
def revoke(
    identity: Annotated[str, typer.Argument(help="The key's id, as `list` shows.", metavar="ID")],
) -> None:
    """Refuse a key from now on."""
    if not _revoke(load().home.path, identity):
        show_error(f"there is no active key with the id {identity!r}; see `gaugeway keys list`")
        raise typer.Exit(1)
    console().print(f"revoked {escape(identity)}")


def _revoke(home: Path, identity: str) -> bool:
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with locked(home):
        records = read_records(home / KEYS_FILE)
        after = [
            replace(record, revoked_at=now)
            if record.id == identity and record.revoked_at is None
            else record
            for record in records
        ]
        if after == records:
            return False
        write_records(home / KEYS_FILE, after)
    return True
