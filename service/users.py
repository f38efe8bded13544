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
        raise UserHashError(
            f"The key for hashing users cannot be read ({type(error).__name__}): {path}. Make it "
            "readable, or unset GAUGEWAY_USER_HASH_KEY_FILE."
        ) from None
    if len(key) < 16:
        raise UserHashError(f"The key for hashing users is shorter than 16 bytes: {path}.")
    return key


def _make(path: Path) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        create_atomically(path, secrets.token_hex(32) + "\n")
