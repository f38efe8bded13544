"""Rows into a table of PostgreSQL: all of them or none, and each only once.

A row is known by `rows.KEY`. Exported again, it is updated where it has grown since and left alone
where it has not. Figures never shrink: where the table holds more requests than the ledger, which
happens when Redis was emptied or an older export ends late, the table's row stays.
"""

from __future__ import annotations

from collections.abc import AsyncIterable
from dataclasses import dataclass, field
from typing import Any, LiteralString, Self

import psycopg
from psycopg import AsyncConnection, AsyncCursor, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from service.ledger.export.rows import COLUMNS, KEY, Kind, UsageRow, Value, values

DEFAULT_TABLE = "gaugeway_usage"
CONNECT_SECONDS = 10

_STAGED = sql.Identifier("gaugeway_export_staged")
_LONGEST_NAME = 63
_TYPES: dict[Kind, LiteralString] = {
    "text": "text NOT NULL",
    "date": "date NOT NULL",
    "time": "timestamptz NOT NULL",
    "integer": "bigint NOT NULL",
    # An average or a percentile of nothing is NULL.
    "number": "double precision",
    "money": "numeric(20, 12) NOT NULL",
}


class ExportError(RuntimeError):
    """The export did not happen and nothing was written; the message holds no password."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the rows: each is new, changed, or left as it was.

    `kept` of those left alone hold more in the table than in the ledger.
    """

    new: int
    changed: int
    unchanged: int
    kept: int


@dataclass(frozen=True, slots=True)
class Database:
    """Where a PostgreSQL is. `shown` is its address without a password."""

    conninfo: str = field(repr=False)
    shown: str
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def parse(cls, address: str) -> Self:
        """Read a `postgresql://` address. Raises `ExportError`, which does not repeat it."""
        try:
            given = conninfo_to_dict(address)
        except psycopg.Error:
            given = None
        if given is None or _is_mistaken(address, str(given.get("port", ""))):
            raise ExportError(
                "The address of PostgreSQL cannot be read. Write it as "
                "postgresql://user@host:5432/database; in a password write every special character "
                "as %XX, or leave it to PGPASSWORD or ~/.pgpass."
            )
        secrets = [str(given[name]) for name in ("password", "sslpassword") if given.get(name)]
        parameters: dict[str, Any] = {
            "connect_timeout": CONNECT_SECONDS,
            "fallback_application_name": "gaugeway export",
            "client_encoding": "UTF8",
            **given,
        }
        place = "".join(
            f"{before}{given[name]}"
            for before, name in (("", "host"), (":", "port"), ("/", "dbname"))
            if given.get(name)
        )
        return cls(make_conninfo(**parameters), place or "its usual place", tuple(secrets))

    def without_secrets(self, message: str) -> str:
        """The message with every password in it blotted out."""
        for secret in sorted(filter(None, self.secrets), key=len, reverse=True):
            message = message.replace(secret, "***")
        return message.strip()


def _is_mistaken(address: str, port: str) -> bool:
    """Whether a bare @ or / in a password makes part of it pass for host, port or database."""
    before_parameters = address.partition("?")[0]
    authority = before_parameters.partition("://")[2].partition("/")[0]
    marks = before_parameters.count("@")
    return marks > 1 or marks > authority.count("@") or bool(port.strip("0123456789,"))


def table_name(text: str) -> tuple[str, ...]:
    """The parts of `table` or `schema.table`. Raises `ExportError`."""
    parts = tuple(text.split("."))
    if len(parts) > 2 or not all(0 < len(part.encode()) <= _LONGEST_NAME for part in parts):
        raise ExportError(f"{text!r} is not the name of a table; write `table` or `schema.table`.")
    return parts


async def write_postgresql(
    rows: AsyncIterable[UsageRow], database: Database, table: str = DEFAULT_TABLE
) -> Written:
    """Write all rows in one transaction, making the table where there is none.

    Raises `ExportError` where PostgreSQL cannot be reached or refuses; then nothing is written.
    What `rows` raises ends the transaction as well.
    """
    target = sql.Identifier(*table_name(table))
    try:
        connection = await AsyncConnection.connect(database.conninfo)
    except psycopg.Error as error:
        said = database.without_secrets(str(error))
        raise ExportError(f"PostgreSQL at {database.shown} cannot be reached: {said}") from None
    try:
        async with connection, connection.cursor() as cursor:
            await _prepare(cursor, target)
            count = await _stage(cursor, rows)
            return await _merge(cursor, target, count)
    except psycopg.Error as error:
        said = database.without_secrets(error.diag.message_primary or str(error))
        raise ExportError(
            f"PostgreSQL at {database.shown} refused the export into {table}: {said}"
        ) from None


async def _prepare(cursor: AsyncCursor, target: sql.Identifier) -> None:
    """Make the table if it is missing; one export at a time works on it."""
    name = target.as_string(cursor)
    await cursor.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"gaugeway export {name}",)
    )
    await cursor.execute("SELECT to_regclass(%s) IS NULL", (name,))
    missing = await cursor.fetchone()
    # Not CREATE TABLE IF NOT EXISTS: that asks for the right to create even where the table is.
    if missing is None or not missing[0]:
        return
    key = _identifiers(KEY)
    await cursor.execute(
        sql.SQL(
            "CREATE TABLE {} ({}, exported_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY ({}))"
        ).format(target, _definitions(), key)
    )
    await cursor.execute(sql.SQL("CREATE INDEX ON {} (starts_at)").format(target))
    await cursor.execute(sql.SQL("CREATE INDEX ON {} (name, starts_at)").format(target))


async def _stage(cursor: AsyncCursor, rows: AsyncIterable[UsageRow]) -> int:
    await cursor.execute(
        sql.SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DROP").format(_STAGED, _definitions())
    )
    count = 0
    copying = sql.SQL("COPY {} FROM STDIN").format(_STAGED)
    async with cursor.copy(copying) as copy:
        async for row in rows:
            await copy.write_row([_storable(value) for value in values(row)])
            count += 1
    return count


async def _merge(cursor: AsyncCursor, target: sql.Identifier, count: int) -> Written:
    known = sql.SQL(
        "SELECT count(*), count(*) FILTER (WHERE t.requests > s.requests) "
        "FROM {} AS s JOIN {} AS t USING ({})"
    ).format(_STAGED, target, _identifiers(KEY))
    await cursor.execute(known)
    existing, kept = await cursor.fetchone() or (0, 0)
    await cursor.execute(_upsert(target))
    new = count - existing
    changed = cursor.rowcount - new
    return Written(new, changed, existing - changed, kept)


def _upsert(target: sql.Identifier) -> sql.Composed:
    figures = [column.name for column in COLUMNS if column.name not in KEY]
    return sql.SQL(
        "INSERT INTO {target} AS kept ({columns}) SELECT {columns} FROM {staged} "
        "ON CONFLICT ({key}) DO UPDATE SET {assignments}, exported_at = now() "
        "WHERE EXCLUDED.requests >= kept.requests AND ({old}) IS DISTINCT FROM ({new})"
    ).format(
        target=target,
        columns=_identifiers([column.name for column in COLUMNS]),
        staged=_STAGED,
        key=_identifiers(KEY),
        assignments=sql.SQL(", ").join(
            sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(name)) for name in figures
        ),
        old=sql.SQL(", ").join(sql.Identifier("kept", name) for name in figures),
        new=sql.SQL(", ").join(sql.SQL("EXCLUDED.{}").format(sql.Identifier(n)) for n in figures),
    )


def _definitions() -> sql.Composed:
    return sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(column.name), sql.SQL(_TYPES[column.kind]))
        for column in COLUMNS
    )


def _identifiers(names: tuple[str, ...] | list[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))


def _storable(value: Value) -> Value:
    # PostgreSQL's text holds every character but this one.
    return value.replace("\0", "�") if isinstance(value, str) else value
