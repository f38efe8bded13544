"""Who acts as operator: the holder of an active key, by the key itself or by a session of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from service.access.audit import AuditLog
from service.access.ended import EndedSessions
from service.access.login_limits import LoginLimits, Store
from service.access.sessions import Session, Sessions, signing_key
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
        if session is None or await asyncio.to_thread(self.ended.__contains__, session.id):
            raise InvalidApiKey(_LOGGED_OUT)
        await self.keys.reread()
        caller = self.keys.holder(session.key_id)
        if caller is None:
            raise InvalidApiKey(_LOGGED_OUT)
        return caller, session

    async def end(self, session: Session) -> None:
        """Log out: the cookie opens nothing from now on, in any worker."""
        await asyncio.to_thread(self.ended.end, session.id, session.ends_at)


async def open_operators(
    home: Path, keys: KeyStore, store: Store, *, session_hours: float
) -> Operators:
    """The operators of a service whose files are in `home`. Raises `KeysError`."""
    key = await asyncio.to_thread(signing_key, home)
    return Operators(
        keys=keys,
        sessions=Sessions(key, lifetime=session_hours * 3600),
        ended=EndedSessions(home),
        limits=LoginLimits(store),
        audit=AuditLog(),
    )
