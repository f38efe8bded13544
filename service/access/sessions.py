"""Sessions of the operations page: a signed cookie that names a key, and never holds it.

The server keeps no list of sessions. A cookie counts while its signature is ours, its time is not
over, its key is active (the key store is asked each time) and nobody has logged out of it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from itsdangerous import BadSignature, URLSafeSerializer

from service.file_reading import FileUnreadableError, read_file
from service.key_file import KeysError, locked, write_private

SIGNING_KEY_FILE: Final = "session-key"
FORM_SECONDS: Final = 3_600.0
"""How long a login form may be left open before it is sent."""
_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Session:
    """One login: `id` is random; when it began and ends in seconds since the epoch."""

    id: str
    key_id: str
    began_at: float
    ends_at: float


class Sessions:
    """Makes and reads the cookies of one signing key.

    `lifetime` in seconds; `now` gives seconds since the epoch.
    """

    def __init__(
        self,
        signing_key: bytes,
        *,
        lifetime: float,
        now: Callable[[], float] = time.time,
        random_text: Callable[[], str] = lambda: secrets.token_urlsafe(18),
    ) -> None:
        self._signing_key = signing_key
        self._lifetime = lifetime
        self._now = now
        self._random_text = random_text
        self._cookies = _serializer(signing_key, "gaugeway session")
        self._forms = _serializer(signing_key, "gaugeway login form")

    @property
    def lifetime(self) -> float:
        """How many seconds a session lasts."""
        return self._lifetime

    def begin(self, key_id: str) -> tuple[Session, str]:
        """A new session of a key, and its cookie's value."""
        now = self._now()
        session = Session(self._random_text(), key_id, now, now + self._lifetime)
        return session, self._signed(self._cookies, [session.id, key_id, now])

    def read(self, cookie: str) -> Session | None:
        """The session that a cookie proves; None where it proves none or its time is over."""
        match _unsigned(self._cookies, cookie):
            case [str(identity), str(key_id), int() | float() as began]:
                session = Session(identity, key_id, began, began + self._lifetime)
                return session if began <= self._now() < session.ends_at else None
            case _:
                return None

    def form_cookie(self) -> str:
        """A value that ties a login form to the browser that asked for it."""
        return self._signed(self._forms, [self._random_text(), self._now()])

    def is_form_cookie(self, cookie: str) -> bool:
        """Whether it is one of ours, and not too old."""
        match _unsigned(self._forms, cookie):
            case [str(), int() | float() as made]:
                return made <= self._now() < made + FORM_SECONDS
            case _:
                return False

    def token_for(self, what: str) -> str:
        """The token that a form must send back: known only to who was given the page.

        `what` is a session's id, or a form cookie's value before there is a session.
        """
        digest = hmac.digest(self._signing_key, b"csrf\0" + what.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def is_token_for(self, what: str, given: str) -> bool:
        """Whether a form sent the token it was given; takes the same time for every answer."""
        return hmac.compare_digest(self.token_for(what).encode(), given.encode(errors="replace"))

    def _signed(self, serializer: URLSafeSerializer, value: list[str | float]) -> str:
        return serializer.dumps(value)


def signing_key(home: Path) -> bytes:
    """The key that all workers of a home sign with, made once. Raises `KeysError`.

    It blocks on a lock and on the disk: call it from a thread.
    """
    path = home / SIGNING_KEY_FILE
    with locked(home):
        try:
            text = read_file(path).decode("ascii").strip()
        except FileUnreadableError as error:
            if not error.missing:
                raise _unusable(path, f"it {error}") from None
            text = secrets.token_hex(_KEY_BYTES)
            write_private(path, text + "\n")
        except UnicodeDecodeError:
            raise _unusable(path, "it is not text") from None
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) < _KEY_BYTES:
        raise _unusable(path, f"it does not hold {_KEY_BYTES} bytes in hexadecimal")
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return key


def _unusable(path: Path, why: str) -> KeysError:
    return KeysError(
        f"The session key {path} cannot be used ({why}). Remove the file: a new one is made at "
        "the next start, and everybody logs in again."
    )


def _serializer(key: bytes, purpose: str) -> URLSafeSerializer:
    return URLSafeSerializer(
        key,
        salt=purpose.encode(),
        signer_kwargs={"digest_method": hashlib.sha256, "key_derivation": "hmac"},
    )


def _unsigned(serializer: URLSafeSerializer, text: str) -> list[Any] | None:
    try:
        value: object = serializer.loads(text)
    except (BadSignature, ValueError):
        return None
    # base64 passes over letters that it has none of: only the text that we made is ours.
    if not isinstance(value, list) or serializer.dumps(value) != text:
        return None
    return cast("list[Any]", value)
