"""Takes keys away and changes their secrets; a running service follows at its next request."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from service.key_file import (
    KEYS_FILE,
    KeyRecord,
    KeysError,
    change_records,
    locked,
    read_records,
)
from service.keys import make_key

_SHOWN = "See `gaugeway keys list`."


def revoke_key(home: Path, identity: str, *, now: datetime | None = None) -> KeyRecord:
    """Refuse a key from now on, also one that was being rotated. Raises `KeysError`."""
    now = now or datetime.now(UTC)
    with locked(home):
        records = read_records(home / KEYS_FILE)
        record = _active(records, identity, now)
        revoked = replace(record, revoked_at=_text(now))
        change_records(home, _with(records, revoked), [("revoke", revoked)], now)
    return revoked


def rotate_key(
    home: Path, identity: str, *, grace: timedelta = timedelta(), now: datetime | None = None
) -> tuple[str, KeyRecord, KeyRecord]:
    """A new key for the same app and role: its text, its record, and the old one's.

    The old key ends after `grace`; sessions that it began end with it. Raises `KeysError`.
    """
    now = now or datetime.now(UTC)
    with locked(home):
        records = read_records(home / KEYS_FILE)
        old = _active(records, identity, now)
        if old.revoked_at is not None:
            raise KeysError(
                f"The key '{identity}' was rotated before and ends at {old.revoked_at}. Rotate the "
                f"key that took its place. {_SHOWN}"
            )
        text, new = make_key(old.app, old.role, now=now)
        ending = replace(old, revoked_at=_text(now + grace))
        changes = [("rotate", ending), ("create", new)]
        change_records(home, [*_with(records, ending), new], changes, now)
    return text, new, ending


def _active(records: list[KeyRecord], identity: str, now: datetime) -> KeyRecord:
    found = next((record for record in records if record.id == identity), None)
    if found is None:
        raise KeysError(f"There is no key with the id '{identity}'. {_SHOWN}")
    if not found.active(now):
        raise KeysError(f"The key '{identity}' was revoked at {found.revoked_at}. {_SHOWN}")
    return found


def _with(records: list[KeyRecord], changed: KeyRecord) -> list[KeyRecord]:
    return [changed if record.id == changed.id else record for record in records]


def _text(moment: datetime) -> str:
    # To the microsecond: cut to the second, a key would seem to have ended before it did.
    return moment.isoformat()
