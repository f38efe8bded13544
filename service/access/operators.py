"""Who acts as operator: the holder of an active key, by the key itself or by a session of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from otel.instruments import Instruments
from service.access.audit import AuditLog
from service.access.ended import EndedSessions, Kept
from service.access.login_limits import LoginLimits
from service.access.sessions import Session, Sessions, signing_key
from service.access.store import Store
from service.errors import InvalidApiKey, TooManyAttempts
from service.keys import Caller, KeyStore

_TOO_MANY = (
    "This API key is not accepted, and neither were many before it. Ask the operator for one that "
    "is active: it is let in at any time."
)
_LOGGED_OUT = "Your session is over. Log in again at /admin/login."


@dataclass(frozen=True, slots=True)
class Operators:
    """The keys and the sessions of one service."""

    keys: KeyStore
    sessions: Sessions
    ended: EndedSessions
    limits: LoginLimits
    audit: AuditLog

    async def by_key(self, authorization: str, address: str) -> Caller:
        """Who an `Authorization` header names, of whichever role; `address` is where it comes from.

        A key that was revoked a moment ago opens nothing: the file is looked at each time. Raises
        `InvalidApiKey`, and `TooManyAttempts` for one that is wrong after many that were.
        """
        await self.keys.reread()
        try:
            return await self.keys.authenticate(authorization)
        except InvalidApiKey:
            wait = await self.limits.failed(address, self.keys.known_id(authorization))
            if wait is None:
                raise
        raise TooManyAttempts(_TOO_MANY, retry_after=wait)

    async def by_session(self, cookie: str) -> tuple[Caller, Session]:
        """Who a session's cookie stands for, while its key is active. Raises `InvalidApiKey`."""
        session = self.sessions.read(cookie)
        if session is None or await self.ended.is_over(session):
            raise InvalidApiKey(_LOGGED_OUT)
        await self.keys.reread()
        caller = self.keys.holder(session.key_id)
        if caller is None:
            raise InvalidApiKey(_LOGGED_OUT)
        return caller, session

    async def end(self, session: Session) -> Kept:
        """Log out: the cookie opens nothing from now on; where that is known."""
        return await self.ended.end(session)


async def open_operators(
    home: Path, keys: KeyStore, store: Store, *, session_hours: float, instruments: Instruments
) -> Operators:
    """The operators of a service whose files are in `home`. Raises `KeysError`."""
    key = await asyncio.to_thread(signing_key, home)
    lifetime = session_hours * 3600
    return Operators(
        keys=keys,
        sessions=Sessions(key, lifetime=lifetime),
        ended=EndedSessions(home, store, lifetime=lifetime, instruments=instruments),
        limits=LoginLimits(store),
        audit=AuditLog(),
    )
