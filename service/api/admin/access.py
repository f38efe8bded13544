"""Keeps everyone but operators from their addresses, in one place, before any route is looked for.

`AdminGuard` stands before the routes, so that an address below /admin that does not exist, or is
written in another way, tells no more than one that does.
"""

from __future__ import annotations

import ipaddress
from typing import Final, cast
from urllib.parse import urlencode, urlsplit

from fastapi import Request
from starlette.requests import ClientDisconnect, cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from otel import attributes as names
from service.access.audit import Act
from service.access.paths import LOGIN, is_guarded, is_page
from service.access.sessions import Session
from service.api.admin.csrf import with_checked_form
from service.api.admin.security_headers import add_security_headers
from service.api.context import runtime_of, trace_id_of
from service.api.errors import answer_error
from service.errors import ClientGone, InternalError, InvalidApiKey, PermissionDenied, ServiceError
from service.keys import Caller

COOKIE: Final = "gaugeway_session"
_METHODS: Final = frozenset(
    {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT"}
)
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_CALLER: Final = "gaugeway.admin.caller"
_IDENTIFIED: Final = "gaugeway.admin.identified"
_SESSION: Final = "gaugeway.admin.session"
_MISSING = (
    "This address is for operators. Send a key of role 'admin' as 'Authorization: Bearer gw_…', "
    "or log in at /admin/login."
)


async def require_admin(request: Request) -> Caller:
    """Who acts: the holder of an active key of role `admin`, by header or by session.

    Raises `InvalidApiKey` (401), `PermissionDenied` (403) or `TooManyAttempts` (429). Behind
    `AdminGuard` it only repeats what was found; as a dependency it protects a route that the guard
    does not.
    """
    known = request.scope.get(_CALLER)
    if isinstance(known, Caller):
        return known
    operators = runtime_of(request).operators
    authorization = request.headers.get("authorization")
    if authorization is not None:
        caller = await operators.by_key(authorization, client_address(request))
    else:
        cookie = session_cookie(request)
        if cookie is None:
            raise InvalidApiKey(_MISSING)
        caller, session = await operators.by_session(cookie)
        request.scope[_SESSION] = session
    request.scope[_IDENTIFIED] = caller
    caller.require("admin")
    request.scope[_CALLER] = caller
    return caller


def session_of(request: Request) -> Session | None:
    """The session the caller came by; None for who sent a key."""
    return cast("Session | None", request.scope.get(_SESSION))


def session_cookie(request: Request) -> str | None:
    """The value of the session's cookie, if there is one."""
    return cookie_parser(request.headers.get("cookie", "")).get(COOKIE)


def csrf_token(request: Request) -> str:
    """What a form of the caller's page must send as `csrf_token`; empty without a session."""
    session = session_of(request)
    return runtime_of(request).operators.sessions.token_for(session.id) if session else ""


def came_from_here(request: Request) -> bool:
    """Whether a browser sent this from one of our own pages; true for what is no browser."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc == request.headers.get("host")
    except ValueError:
        return False  # No browser writes such an origin.


class AdminGuard:
    """Lets only operators through to the paths that are theirs; other paths are not touched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not _guards(scope):
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        status = InternalError.status

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                add_security_headers(message)
            await send(message)

        try:
            await self._serve(request, receive, send_noting)
        except ClientDisconnect:
            status = ClientGone.status
            raise
        finally:
            _write_down(request, status)

    async def _serve(self, request: Request, receive: Receive, send: Send) -> None:
        if _path(request.scope) != LOGIN:
            try:
                await require_admin(request)
                receive = await self._checked(request, receive)
            except ServiceError as error:
                await _refusal(request, error)(request.scope, receive, send)
                return
        await self._app(request.scope, receive, send)

    async def _checked(self, request: Request, receive: Receive) -> Receive:
        """What a browser sends by itself, its cookie, is not enough to change anything."""
        session = session_of(request)
        if session is None or request.method in SAFE_METHODS:
            return receive
        if not came_from_here(request):
            raise PermissionDenied("This was sent from another site. Use the page itself.")
        sessions = runtime_of(request).operators.sessions
        return await with_checked_form(
            request, receive, lambda given: sessions.is_token_for(session.id, given)
        )


def act_of(request: Request) -> Act:
    """A request as the audit log takes it."""
    route = request.scope.get("route")
    return Act(
        method=request.method if request.method in _METHODS else names.OTHER,
        route=str(getattr(route, "path", names.OTHER)),
        trace_id=trace_id_of(request.scope),
        client=client_address(request),
    )


def client_address(request: Request) -> str:
    """Where a request comes from: who is connected, or who a proxy that is trusted says that is.

    An address, and nothing else that a proxy may have passed on from `X-Forwarded-For`.
    """
    host = request.client.host if request.client else ""
    try:
        return str(ipaddress.ip_address(host.partition("%")[0]))
    except ValueError:
        return "unknown"


def _write_down(request: Request, status: int) -> None:
    caller = cast("Caller | None", request.scope.get(_CALLER))
    log = runtime_of(request).operators.audit
    if caller is not None and status not in (InvalidApiKey.status, PermissionDenied.status):
        log.request(act_of(request), caller, status)
    elif status >= 400 and _path(request.scope) != LOGIN:
        identified = cast("Caller | None", request.scope.get(_IDENTIFIED))
        log.refused(act_of(request), status, action="request", caller=identified)


def _guards(scope: Scope) -> bool:
    paths = {cast("str", scope["path"]), _path(scope)}
    return any(is_guarded(path) for path in paths)


def _path(scope: Scope) -> str:
    """The path below where the service is mounted, as routes see it."""
    path, root = cast("str", scope["path"]), cast("str", scope.get("root_path", ""))
    return path[len(root) :] if root and path.startswith(root + "/") else path


def _refusal(request: Request, error: ServiceError) -> Response:
    """An error; for who opens the page without a session the way to log in."""
    if (
        error.status == InvalidApiKey.status
        and request.method in ("GET", "HEAD")
        and request.headers.get("authorization") is None
        # What a script of the page asks for must not be answered with another page.
        and request.headers.get("sec-fetch-mode", "navigate") == "navigate"
        and is_page(_path(request.scope))
    ):
        return RedirectResponse(login_address(request), status_code=303)
    return answer_error(request, error)


def login_address(request: Request) -> str:
    """Where to log in to come back to what was asked for."""
    query = cast("bytes", request.scope.get("query_string", b"")).decode("latin-1")
    path = _path(request.scope)
    return f"{LOGIN}?{urlencode({'next': f'{path}?{query}' if query else path}, safe='/')}"
