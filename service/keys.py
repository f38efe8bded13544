"""API keys: who calls. A key is `gw_<id>_<secret>`; only the SHA-256 of the secret is stored.

The file is `GAUGEWAY_HOME/keys.json`. It is read again when it changed, away from the event loop.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from service.errors import InvalidApiKey, PermissionDenied
from service.file_watch import ReloadedFile
from service.key_file import (
    KEYS_FILE,
    KeyRecord,
    KeysError,
    Role,
    change_records,
    locked,
    read_records,
)

UNKNOWN_KEY_REREAD_SECONDS = 0.25
"""An unknown key makes the store look at the file again, at most this often."""

_MISSING = (
    "You didn't provide an API key. Send it as 'Authorization: Bearer gw_…'; in dev it is in "
    "GAUGEWAY_HOME/dev-api-key."
)
_WRONG = "Incorrect API key provided. Check the key, or ask the operator for one that is active."


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
    parts = text.split("_", 3)
    if len(parts) != 3 or parts[0] != "gw" or not parts[1] or not parts[2] or not text.isascii():
        return None
    return parts[1], parts[2]


def _key_in(authorization: str) -> tuple[str, str] | None:
    scheme, _, text = authorization.partition(" ")
    return split_key(text.strip()) if scheme.lower() == "bearer" else None


def holds(record: KeyRecord, text: str) -> bool:
    """Whether a key's text is that of a record."""
    pair = split_key(text)
    return (
        pair is not None
        and record.id == pair[0]
        and hmac.compare_digest(record.digest, _digest(pair[1]))
    )


class KeyStore:
    """The keys of one home directory, held in memory and refreshed from the file."""

    def __init__(
        self, home: Path, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._path = home / KEYS_FILE
        self._now = now
        self._last_reread = float("-inf")
        self.file = ReloadedFile[Mapping[str, KeyRecord]](
            self._path, self._read, fault=KeysError, what="keys", first={}
        )
        """What the file says; whoever watches it keeps the keys fresh."""

    def refresh(self) -> None:
        """Take the file in if it changed. Raises `KeysError`; the keys known so far stay."""
        self.file.reload()
        if self.file.fault is not None:
            raise self.file.fault

    async def authenticate(self, authorization: str | None) -> Caller:
        """Who the `Authorization` header's value names. Raises `InvalidApiKey`."""
        if authorization is None:
            raise InvalidApiKey(_MISSING)
        pair = _key_in(authorization)
        if pair is None:
            raise InvalidApiKey(_WRONG)
        caller = self._match(*pair)
        if caller is None and await self._reread():
            caller = self._match(*pair)
        if caller is None:
            raise InvalidApiKey(_WRONG)
        return caller

    def known_id(self, authorization: str) -> str | None:
        """The id in an `Authorization` header's value, where a key has it, active or not."""
        pair = _key_in(authorization)
        return pair[0] if pair is not None and pair[0] in self.file.current else None

    async def reread(self) -> None:
        """Take up a changed file at once, so that a key that was revoked opens nothing any more.

        A file that cannot be read leaves the keys known so far in force.
        """
        await asyncio.to_thread(self.file.reload)

    def holder(self, identity: str) -> Caller | None:
        """Whom an active key belongs to, by its id; None where there is no such key any more."""
        record = self.file.current.get(identity)
        if record is None or not record.active(self._now()):
            return None
        return Caller(record.app, record.role, record.id)

    def _match(self, identity: str, secret: str) -> Caller | None:
        record = self.file.current.get(identity)
        # An unknown id is compared too, so that it takes as long as a wrong secret.
        stored = record.digest if record is not None else _NO_DIGEST
        same = hmac.compare_digest(stored, _digest(secret))
        return self.holder(identity) if same else None

    def _read(self) -> Mapping[str, KeyRecord]:
        # No file is no keys at the start; keys that are in force go on without their file.
        records = read_records(self._path, missing_is_empty=not self.file.current)
        return {record.id: record for record in records}

    async def _reread(self) -> bool:
        now = asyncio.get_running_loop().time()
        if now - self._last_reread < UNKNOWN_KEY_REREAD_SECONDS:
            return False
        self._last_reread = now
        await self.reread()
        return True


def add_key(home: Path, app: str, role: Role) -> str:
    """Create a key and return its text, which is not stored. Raises `KeysError`."""
    now = datetime.now(UTC)
    text, record = make_key(app, role, now=now)
    with locked(home):
        records = [*read_records(home / KEYS_FILE), record]
        change_records(home, records, [("create", record)], now)
    return text


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


_NO_DIGEST = "0" * 64
