"""Hashes the users that callers name: the ledger tells them apart and knows none of them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from service.atomic_file import create_atomically

KEY_FILE = "user-hash-key"
_FIELDS = ("user", "safety_identifier")
"""OpenAI's field for the caller's end user, and its successor."""


class UserHashError(RuntimeError):
    """The key cannot be used; the message names its file and says what to do."""


class UserHashes:
    """Turns users into keyed hashes: a user has one, and without the key no way leads back."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def of(self, body: Mapping[str, Any]) -> str | None:
        """The hash of the user a body names, 16 hexadecimal digits; None where it names none."""
        for field in _FIELDS:
            value = body.get(field)
            if isinstance(value, str) and value:
                return hmac.new(
                    self._key, value.encode(errors="replace"), hashlib.sha256
                ).hexdigest()[:16]
        return None


def user_hash_key(home: Path, file: Path | None = None) -> bytes:
    """The key of a home directory, made at the first call; safe for many processes at once.

    `file` is an operator's own, shared by several machines. Raises `UserHashError`.
    """
    path = file or home / KEY_FILE
    try:
        if file is None:
            _make(path)
        key = path.read_bytes().strip()
    except OSError as error:
        raise UserHashError(_unreadable(error, path, own=file is not None)) from None
    if len(key) < 16:
        raise UserHashError(f"{_named(path, own=file is not None)} is shorter than 16 bytes.")
    return key


def _unreadable(error: OSError, path: Path, *, own: bool) -> str:
    if own:
        return (
            f"{_named(path, own=True)} cannot be read ({type(error).__name__}). Make it readable, "
            "or unset the variable."
        )
    return (
        f"GAUGEWAY_HOME: {error.strerror} ({path}). It has to be a folder that the service can "
        "read and write."
    )


def _named(path: Path, *, own: bool) -> str:
    """The file of the key: an operator's own by its variable, in which the key itself may be."""
    return (
        "The file that GAUGEWAY_USER_HASH_KEY_FILE names"
        if own
        else f"The key for hashing users in GAUGEWAY_HOME ({path})"
    )


def _make(path: Path) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        create_atomically(path, secrets.token_hex(32) + "\n")
