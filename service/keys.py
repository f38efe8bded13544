"""API keys: who calls. A key is `gw_<id>_<secret>`; only the SHA-256 of the secret is stored.

The file is `GAUGEWAY_HOME/keys.json`. It is read again when it changed, away from the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, cast

from service.errors import InvalidApiKey, PermissionDenied
from service.file_stamp import Stamp, file_stamp

Role = Literal["app", "admin"]

KEYS_FILE = "keys.json"
AUDIT_FILE = "keys-audit.log"
UNKNOWN_KEY_REREAD_SECONDS = 0.25
"""An unknown key makes the store look at the file again, at most this often."""

_MISSING = (
    "You didn't provide an API key. Send it as 'Authorization: Bearer gw_…'; in dev it is in "
    "GAUGEWAY_HOME/dev-api-key."
)
_WRONG = "Incorrect API key provided. Check the key, or ask the operator for one that is active."


class KeysError(RuntimeError):
    """The key file cannot be used; the message names it and says what to do."""


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


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: the app its key names, with its role."""

    app: str
    role: Role
    key_id: str

    def require(self, role: Role) -> None:
        """Raise `PermissionDenied` unless the key has the role; an admin may do what an app may."""
        if self.role not in (role, "admin"):
            raise PermissionDenied(f"This key has the role '{self.role}'; '{role}' is needed.")


def make_key(
    app: str,
    role: Role,
    *,
    now: datetime | None = None,
    random_hex: Callable[[int], str] = secrets.token_hex,
) -> tuple[str, KeyRecord]:
    """A new key's text, which is shown once and never stored, and its record."""
    identity, secret = random_hex(6), random_hex(32)
    created = (now or datetime.now(UTC)).isoformat(timespec="seconds")
    return f"gw_{identity}_{secret}", KeyRecord(identity, app, role, _digest(secret), created)


def split_key(text: str) -> tuple[str, str] | None:
    """Id and secret of a key's text, or None where it is not one."""
    parts = text.split("_")
    if len(parts) != 3 or parts[0] != "gw" or not parts[1] or not parts[2] or not text.isascii():
        return None
    return parts[1], parts[2]


def holds(record: KeyRecord, text: str) -> bool:
    """Whether a key's text is that of a record."""
    pair = split_key(text)
    return pair is not None and (record.id, record.digest) == (pair[0], _digest(pair[1]))


class KeyStore:
    """The keys of one home directory, held in memory and refreshed from the file."""

    def __init__(
        self, home: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._path = home / KEYS_FILE
        self._now = now
        self._records: dict[str, KeyRecord] = {}
        self._stamp: Stamp | None = None
        self._last_reread = float("-inf")

    def refresh(self) -> None:
        """Read the file again if it changed. Raises `KeysError`; the keys known so far stay."""
        stamp = file_stamp(self._path)
        if stamp == self._stamp:
            return
        self._records = {record.id: record for record in read_records(self._path)}
        self._stamp = stamp

    async def authenticate(self, authorization: str | None) -> Caller:
        """Who the `Authorization` header's value names. Raises `InvalidApiKey`."""
        if authorization is None:
            raise InvalidApiKey(_MISSING)
        scheme, _, text = authorization.partition(" ")
        pair = split_key(text.strip()) if scheme.lower() == "bearer" else None
        if pair is None:
            raise InvalidApiKey(_WRONG)
        caller = self._match(*pair)
        if caller is None and await self._reread():
            caller = self._match(*pair)
        if caller is None:
            raise InvalidApiKey(_WRONG)
        return caller

    async def reread(self) -> None:
        """Take up a changed file at once, so that a key that was revoked opens nothing any more.

        A file that cannot be read leaves the keys known so far in force.
        """
        with contextlib.suppress(KeysError):
            await asyncio.to_thread(self.refresh)

    def holder(self, identity: str) -> Caller | None:
        """Whom an active key belongs to, by its id; None where there is no such key any more."""
        record = self._records.get(identity)
        if record is None or not record.active(self._now()):
            return None
        return Caller(record.app, record.role, record.id)

    def _match(self, identity: str, secret: str) -> Caller | None:
        record = self._records.get(identity)
        # An unknown id is compared too, so that it takes as long as a wrong secret.
        stored = record.digest if record is not None else _NO_DIGEST
        same = hmac.compare_digest(stored, _digest(secret))
        return self.holder(identity) if same else None

    async def _reread(self) -> bool:
        now = asyncio.get_running_loop().time()
        if now - self._last_reread < UNKNOWN_KEY_REREAD_SECONDS:
            return False
        self._last_reread = now
        await self.reread()
        return True


def read_records(path: Path) -> list[KeyRecord]:
    """The records of a key file; none where there is no file. Raises `KeysError`."""
    try:
        document: Any = json.loads(path.read_bytes())
        entries = cast("list[dict[str, Any]]", document["keys"])
        return [_record(entry) for entry in entries]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KeysError(
            f"The key file {path} cannot be read ({type(error).__name__}). Restore it from a "
            "backup, or move it away and create keys anew."
        ) from None


def write_records(path: Path, records: list[KeyRecord]) -> None:
    """Replace a key file as a whole, readable by its owner alone."""
    document = {"keys": [asdict(record) for record in records]}
    write_private(path, json.dumps(document, indent=2) + "\n")


def add_key(home: Path, app: str, role: Role) -> str:
    """Create a key and return its text, which is not stored."""
    text, record = make_key(app, role)
    with locked(home):
        write_records(home / KEYS_FILE, [*read_records(home / KEYS_FILE), record])
        note_change(home, "create", record, datetime.now(UTC))
    return text


def note_change(home: Path, action: str, record: KeyRecord, now: datetime) -> None:
    """Add a line to `keys-audit.log`: what was done to which key, when, by which user here.

    Call it under the lock.
    """
    line = {
        "at": now.isoformat(timespec="seconds"),
        "action": action,
        "key": record.id,
        "app": record.app,
        "role": record.role,
        "uid": os.getuid(),
    }
    descriptor = os.open(home / AUDIT_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


@contextlib.contextmanager
def locked(home: Path) -> Generator[None]:
    """Hold the lock under which a key file is changed, over processes."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(home / "keys.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _record(entry: dict[str, Any]) -> KeyRecord:
    record = KeyRecord(**entry)
    texts = [entry["id"], entry["app"], entry["digest"]]
    if record.role not in ("app", "admin") or not all(isinstance(text, str) for text in texts):
        raise ValueError
    if record.revoked_at is not None and datetime.fromisoformat(record.revoked_at).tzinfo is None:
        raise ValueError
    return record


def write_private(path: Path, text: str) -> None:
    """Replace a file as a whole, readable by its owner alone."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


_NO_DIGEST = "0" * 64
