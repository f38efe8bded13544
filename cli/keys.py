"""`gaugeway keys`: who may call the service."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.markup import escape
from rich.table import Table

from cli.console import console, print_whole, show_error, show_json
from service.key_changes import revoke_key, rotate_key
from service.key_file import KEYS_FILE, KeyRecord, KeysError, Role, read_records
from service.keys import add_key, split_key
from stack.home import private_directory
from stack.settings import load

keys = typer.Typer(
    help="Make, list, rotate and revoke API keys. A running service follows at once.",
    no_args_is_help=True,
)

_LONGEST_NAME = 64
_LONGEST_GRACE = timedelta(days=90)
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Identity = Annotated[str, typer.Argument(help="The key's id, as `list` shows it.", metavar="ID")]


@keys.command()
def create(
    app: Annotated[str, typer.Argument(help="The app that will use it: a label on its metrics.")],
    *,
    role: Annotated[
        Role, typer.Option(help="admin may read usage, budgets and the operations page too.")
    ] = "app",
    as_json: Json = False,
) -> None:
    """Make a key and print it, this once: only its digest is kept."""
    name = app.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        _fail(f"an app's name has 1 to {_LONGEST_NAME} printable characters, not {app!r}")
    text = add_key(_home(), name, role)
    identity = _id(text)
    made = {"key": text, "id": identity, "app": name, "role": role}
    _hand_over(
        lambda: show_json(made) if as_json else typer.echo(text),
        f"The key '{identity}' was made, but nobody has it",
        f"Revoke it with `gaugeway keys revoke {identity}`",
    )


@keys.command(name="list")
def list_keys(*, as_json: Json = False) -> None:
    """Show the keys there are: id, app, role, when they were made, and when they ended or will."""
    now = datetime.now(UTC)
    records = read_records(load().home.path / KEYS_FILE)
    if as_json:
        show_json({"keys": [_document(record, now) for record in records]})
        return
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for heading in ("id", "app", "role", "made", "state"):
        table.add_column(heading, no_wrap=True)
    for record in records:
        table.add_row(
            record.id, escape(record.app), record.role, record.created_at, _state(record, now)
        )
    print_whole(table)


@keys.command()
def revoke(identity: Identity, *, as_json: Json = False) -> None:
    """Refuse a key from now on, and end the sessions that it began."""
    record = revoke_key(_home(), identity)
    if as_json:
        show_json(_document(record, datetime.now(UTC)))
    else:
        console().print(f"revoked {escape(identity)} of {escape(record.app)}")


@keys.command()
def rotate(
    identity: Identity,
    *,
    grace: Annotated[
        str,
        typer.Option(help="How long the old key goes on working: 30m, 24h, 7d.", metavar="TIME"),
    ] = "0",
    as_json: Json = False,
) -> None:
    """Make a key in another's place, for the same app and role, and print it, this once.

    The old key stops at once, or after `--grace`.
    """
    text, new, old = rotate_key(_home(), identity, grace=_duration(grace))
    now = datetime.now(UTC)
    made = {"key": text, **_document(new, now), "replaces": _document(old, now)}
    _hand_over(
        lambda: show_json(made) if as_json else typer.echo(text),
        f"The key '{new.id}' is in the place of '{identity}', but nobody has it",
        f"Rotate it with `gaugeway keys rotate {new.id}`",
    )
    if as_json:
        return
    ends = "stopped"
    if old.revoked_at is not None and grace not in ("0", ""):
        ends = f"stops at {_second(old.revoked_at)}"
    typer.echo(f"{identity} {ends}; {new.id} is in its place", err=True)


def _hand_over(show: Callable[[], None], what: str, remedy: str) -> None:
    """Print a key, which is shown this once. Raises `KeysError` where it cannot be printed."""
    try:
        show()
    except OSError as error:
        # What is left of it in the buffer would fail once more when the interpreter ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
        raise KeysError(f"{what}: it cannot be printed ({error.strerror}). {remedy}.") from None


def _home() -> Path:
    return private_directory(load().home.path)


def _id(text: str) -> str:
    pair = split_key(text)
    return pair[0] if pair else ""


def _document(record: KeyRecord, now: datetime) -> dict[str, Any]:
    return {
        "id": record.id,
        "app": record.app,
        "role": record.role,
        "created_at": record.created_at,
        "revoked_at": record.revoked_at,
        "active": record.active(now),
    }


def _state(record: KeyRecord, now: datetime) -> str:
    if record.revoked_at is None:
        return "active"
    when = _second(record.revoked_at)
    return f"until {when}" if record.active(now) else f"revoked {when}"


def _second(moment: str) -> str:
    return datetime.fromisoformat(moment).isoformat(timespec="seconds")


def _duration(text: str) -> timedelta:
    match = re.fullmatch(r"([0-9]{1,7})([smhd]?)", text.strip())
    found = timedelta(seconds=int(match[1]) * _UNITS[match[2]]) if match else None
    if found is None or found > _LONGEST_GRACE:
        _fail(f"--grace {text!r} is not a time up to {_LONGEST_GRACE.days}d, as 30m, 24h or 7d are")
    return found


def _fail(message: str) -> NoReturn:
    show_error(message)
    raise typer.Exit(2)
