"""The keys that a developer's machine finds at hand: one of an app, and one of an operator.

They are made at the first start in dev, each in a file that its owner alone can read. No other
environment makes keys by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from service.file_reading import FileUnreadableError, read_file
from service.key_file import (
    KEYS_FILE,
    KeyRecord,
    Role,
    change_records,
    locked,
    read_records,
    write_private,
)
from service.keys import holds, make_key


@dataclass(frozen=True, slots=True)
class DevKey:
    """A key at hand: the file in GAUGEWAY_HOME that holds it, and whose it is."""

    file: str
    app: str
    role: Role

    @property
    def ids_file(self) -> str:
        """The file that says by their ids which keys are ours, should the other one be lost."""
        return f"{self.file}.ids"


DEV_KEY = DevKey("dev-api-key", "dev", "app")
DEV_ADMIN_KEY = DevKey("dev-admin-key", "dev-admin", "admin")


def ensure_dev_key(home: Path, which: DevKey = DEV_KEY) -> str:
    """The key's text, made at the first call; safe for many processes at once.

    Where its file was lost, the key it held is revoked: nobody knows who has it. Keys that an
    operator made for an app of the same name are left alone. Raises `KeysError`.
    """
    with locked(home):
        records = read_records(home / KEYS_FILE)
        now = datetime.now(UTC)
        known = _read(home / which.file)
        ours = _read(home / which.ids_file).split()
        for record in records:
            if record.active(now) and holds(record, known):
                if record.id not in ours:
                    write_private(home / which.ids_file, f"{record.id}\n")
                return known
        text, record = make_key(which.app, which.role, now=now)
        lost = [old for old in records if old.id in ours and old.active(now)]
        kept = [_revoked(old, now) if old in lost else old for old in records]
        # First of all, and beside the lost ones: a crash in between forgets none that is ours.
        ids = [*(old.id for old in lost), record.id]
        write_private(home / which.ids_file, "\n".join(ids) + "\n")
        changes = [*(("revoke", old) for old in lost), ("create", record)]
        change_records(home, [*kept, record], changes, now)
        write_private(home / which.file, text + "\n")
        return text


def _revoked(record: KeyRecord, now: datetime) -> KeyRecord:
    return replace(record, revoked_at=now.isoformat(timespec="seconds"))


def _read(path: Path) -> str:
    try:
        return read_file(path).decode("ascii").strip()
    except (FileUnreadableError, UnicodeDecodeError):
        return ""
