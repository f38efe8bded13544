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
from service.errors import InvalidApiKey
from service.keys import Caller, KeyStore

_LOGGED_OUT = "Your session is over. Log in again at /admin/login."


@dataclass(frozen=True, slots=True)
class Operators:
    """The keys and the sessions of one service."""

    keys: KeyStore
    sessions: Sessions
    ended: EndedSessions
    limits: LoginLimits
    audit: AuditLog

    async def by_key(self, authorization: str) -> Caller:
        """Who an `Authorization` header names, of whichever role. Raises `InvalidApiKey`.

        A key that was revoked a moment ago opens nothing: the file is looked at each time.
        """
        await self.keys.reread()
        return await self.keys.authenticate(authorization)

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
    return Operators(
        keys=keys,
        sessions=Sessions(key, lifetime=lifetime),
        ended=EndedSessions(home, store, lifetime=lifetime, instruments=instruments),
        limits=LoginLimits(store),
        audit=AuditLog(),
    )
    lifetime = session_hours * 3600
