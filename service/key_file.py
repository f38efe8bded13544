"""The file that API keys are kept in, `GAUGEWAY_HOME/keys.json`, and how it is changed.

It is replaced as a whole or left as it was, under a lock, and each change is noted in
`keys-audit.log`. All of this blocks: call it off the event loop.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import time
from collections.abc import Generator, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal, cast

from service.atomic_file import write_atomically
from service.file_reading import FileUnreadableError, read_file

Role = Literal["app", "admin"]

KEYS_FILE: Final = "keys.json"
AUDIT_FILE: Final = "keys-audit.log"
LOCK_FILE: Final = "keys.lock"
LOCK_SECONDS: Final = 10.0
"""How long a change waits for another one to be done."""
_POLL_SECONDS: Final = 0.01
_UNCHANGED: Final = "Nothing was changed."
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_RECORD: Final = ("id", "app", "role", "digest", "created_at", "revoked_at")


class KeysError(RuntimeError):
    """A file of keys or sessions cannot be used; the message names it and says what to do."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """One stored key. `digest` is the SHA-256 of its secret, in hexadecimal; times are ISO 8601."""

    id: str
    app: str
    role: Role
    digest: str
    created_at: str
    revoked_at: str | None = None
    """When it stops or stopped to count; a rotated key can be given time."""

    def active(self, now: datetime) -> bool:
        """Whether the key opens anything at this moment."""
        return self.revoked_at is None or now < datetime.fromisoformat(self.revoked_at)


Change = tuple[str, KeyRecord]
"""What was done, as the audit log calls it, and to which key."""


def read_records(path: Path, *, missing_is_empty: bool = True) -> list[KeyRecord]:
    """The records of a key file; none where there is no file yet. Raises `KeysError`."""
    try:
        content = read_file(path)
        return _records(content)
    except FileUnreadableError as error:
        if error.missing and missing_is_empty:
            return []
        why = str(error).removeprefix("cannot be read: ")
    except RecursionError:
        why = "it is nested too deeply"
    except ValueError as error:
        why = str(error)
    raise KeysError(
        f"The key file {path} cannot be read: {why}. Correct it or restore it from a backup, or "
        "move it away and create keys anew."
    )


def write_records(path: Path, records: Sequence[KeyRecord]) -> None:
    """Replace a key file as a whole, readable by its owner alone. Raises `KeysError`."""
    document = {"keys": [asdict(record) for record in records]}
    write_private(path, json.dumps(document, indent=2) + "\n")


def change_records(
    home: Path, records: Sequence[KeyRecord], changes: Iterable[Change], now: datetime
) -> None:
    """Put these records in place of all, and note what was changed, or do neither.

    Call it under the lock. Raises `KeysError`.
    """
    with _noted(home, changes, now):
        write_records(home / KEYS_FILE, records)


def write_private(path: Path, text: str) -> None:
    """Replace a file as a whole, readable by its owner alone. Raises `KeysError`."""
    try:
        write_atomically(path, text)
    except OSError as error:
        raise _unwritable(path, error) from None


@contextlib.contextmanager
def locked(home: Path, *, seconds: float = LOCK_SECONDS) -> Generator[None]:
    """Hold the lock under which a key file is changed, over processes. Raises `KeysError`."""
    path = home / LOCK_FILE
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        _lock(descriptor, path, time.monotonic() + seconds)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int, path: Path, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise KeysError(
                    f"Another process has held {path} for long. {_UNCHANGED} Find it with "
                    f"`fuser {path}`, end it, and try again."
                ) from None
            time.sleep(_POLL_SECONDS)
        except OSError as error:
            raise _unwritable(path, error) from None
        else:
            return


def _unwritable(path: Path, error: OSError) -> KeysError:
    return KeysError(
        f"{path} cannot be written: {error.strerror}. {_UNCHANGED} Free space or give this user "
        "the right to write there, then try again."
    )


@contextlib.contextmanager
def _noted(home: Path, changes: Iterable[Change], now: datetime) -> Generator[None]:
    """Have changes in the audit log; where the block fails they are taken out of it again.

    They are written first: a change that cannot be noted is not made.
    """
    path = home / AUDIT_FILE
    lines = "".join(_line(action, record, now) for action, record in changes).encode()
    try:
        descriptor = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC, 0o600
        )
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        size = os.fstat(descriptor).st_size
        try:
            _append(descriptor, path, lines)
            yield
        except BaseException:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def _append(descriptor: int, path: Path, lines: bytes) -> None:
    try:
        while lines:
            lines = lines[os.write(descriptor, lines) :]
        os.fsync(descriptor)
    except OSError as error:
        raise _unwritable(path, error) from None


def _line(action: str, record: KeyRecord, now: datetime) -> str:
    """What was done to which key, when, by which user of this machine."""
    facts = {
        "at": now.isoformat(timespec="seconds"),
        "action": action,
        "key": record.id,
        "app": record.app,
        "role": record.role,
        "uid": os.getuid(),
    }
    return json.dumps(facts) + "\n"


def _records(content: bytes) -> list[KeyRecord]:
    """Raises `ValueError`, which says what is wrong without a word of what was read."""
    try:
        document: object = json.loads(content, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno} is not JSON") from None
    except UnicodeDecodeError:
        raise ValueError("it is not text") from None
    entries = cast("dict[str, object]", document).get("keys") if _is_object(document) else None
    # An empty list says that there are no keys. Nothing else does: not what a full disk, an editor
    # or a program that was ended leaves of a file.
    if not isinstance(entries, list):
        raise ValueError('it has no list of "keys"')  # noqa: TRY004 - the file's fault
    records = [
        _record(entry, f"keys.{place}") for place, entry in enumerate(cast("list[object]", entries))
    ]
    seen: set[str] = set()
    for record in records:
        if record.id in seen:
            raise ValueError(f"two keys have the id {record.id!r}")
        seen.add(record.id)
    return records


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an entry names a field twice")
    return found


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _record(entry: object, place: str) -> KeyRecord:
    if not isinstance(entry, dict):
        raise ValueError(f"{place} is no object")  # noqa: TRY004 - the file's fault
    fields = cast("dict[str, Any]", entry)
    if unknown := sorted(set(fields) - set(_RECORD)):
        raise ValueError(f"{place} has a field {unknown[0][:40]!r} that no key has")
    for name in _RECORD:
        if not _fits(name, fields.get(name)):
            raise ValueError(f"{place}.{name} is missing or is not what it must be")
    return KeyRecord(**fields)


def _fits(name: str, value: object) -> bool:
    if name == "revoked_at" and value is None:
        return True
    if not isinstance(value, str):
        return False
    match name:
        case "role":
            return value in ("app", "admin")
        case "digest":
            return _DIGEST.fullmatch(value) is not None
        case "revoked_at":
            return _is_moment(value)
        case "created_at":
            return True
        case _:
            return bool(value) and value.isprintable()


def _is_moment(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
