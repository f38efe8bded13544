"""`/admin/login`, `/admin/logout`: from a key to a session, and its end."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from service.access.paths import LOGIN
from service.access.sessions import Session
from service.api.admin import documentation as document
from service.api.admin.access import (
    COOKIE,
    act_of,
    came_from_here,
    client_address,
    require_admin,
    session_cookie,
    session_of,
)
from service.api.admin.csrf import FIELD, form_field, read_form
from service.api.context import runtime_of
from service.errors import InvalidApiKey, PermissionDenied, TooManyAttempts
from service.keys import Caller
from service.web.templates import render

router = APIRouter()

HOME: Final = "/admin/monitoring"
FORM_COOKIE: Final = "gaugeway_login"
_ACCEPTED: Final = 202
# Written out: what a browser could take for another host, or for a way up, does not fit in.
_OURS: Final = re.compile(
    r"/admin(?:/(?!login\b|logout\b)[A-Za-z0-9_~-]+)*(?:\?[A-Za-z0-9_.~=&%+:,-]*)?"
)


@router.get("/admin", include_in_schema=False)
async def front() -> RedirectResponse:
    """Lead to the operations page."""
    return RedirectResponse(HOME, status_code=303)


@router.get(
    LOGIN,
    summary="The form to log in with",
    response_model=None,
    responses=document.FORM_RESPONSES,
    openapi_extra=document.FORM_PARAMETERS,
)
async def login_form(request: Request) -> Response:
    """For people; who is logged in already is led on to `next`."""
    wanted = local_path(request.query_params.get("next", ""))
    if await _logged_in(request):
        return RedirectResponse(wanted, status_code=303)
    return _form(request, wanted)


@router.post(
    LOGIN,
    summary="Log in",
    response_model=None,
    responses=document.LOGIN_RESPONSES,
    openapi_extra=document.LOGIN_BODY,
)
async def log_in(request: Request) -> Response:
    """Begin a session with an admin's key, and lead on to `next`.

    The key comes as a field, never in an address; the cookie names the key and does not hold it.
    """
    body = await read_form(request, request.receive)
    operators = runtime_of(request).operators
    wanted = local_path(form_field(body, "next"))
    if not _is_our_form(request, form_field(body, FIELD)):
        return _refused(
            request, wanted, 403, "The form was too old or came from elsewhere. Try again."
        )
    caller: Caller | None = None
    given = f"Bearer {form_field(body, 'key').strip()}"
    try:
        caller = await operators.by_key(given, client_address(request))
        caller.require("admin")
    except TooManyAttempts as error:
        problem = "This key is not known, and neither were many before it."
        return _refused(request, wanted, error.status, problem, retry_after=error.retry_after)
    except InvalidApiKey:
        problem = "This key is not known, or is no longer active."
        return _refused(request, wanted, 401, problem)
    except PermissionDenied:
        problem = "This key has the role 'app'. The page needs one of the role 'admin'."
        return _refused(request, wanted, 403, problem, caller=caller)
    operators.audit.logged_in(act_of(request), caller)
    return _begin_session(request, caller, wanted)


@router.post(
    "/admin/logout",
    summary="Log out",
    response_model=None,
    responses=document.LOGOUT_RESPONSES,
    openapi_extra=document.SECURED,
)
async def log_out(request: Request) -> Response:
    """End the session for good. A session must send its token; who came by a key has none.

    202, with words, where nothing could take a note of it yet: it is over in this worker alone.
    """
    caller, session = await require_admin(request), session_of(request)
    response: Response = RedirectResponse(LOGIN, status_code=303)
    if session is not None:
        operators = runtime_of(request).operators
        kept = await operators.end(session)
        operators.audit.logged_out(act_of(request), caller)
        if kept == "worker":
            response = _form(request, HOME, status=_ACCEPTED, problem=_not_kept(session))
    response.delete_cookie(
        COOKIE, path="/admin", httponly=True, samesite="lax", secure=_is_secure(request)
    )
    return response


def _not_kept(session: Session) -> str:
    end = datetime.fromtimestamp(session.ends_at, UTC).isoformat(timespec="minutes")
    return (
        "You are logged out here, but neither the disk nor Redis takes a note of it now. Until one "
        f"does, which is tried all the time, or until {end} other workers, and this one after a "
        "restart, would go on with a copy of your session's cookie. Free space on the disk of "
        "GAUGEWAY_HOME."
    )


def local_path(wanted: str) -> str:
    """Where to go after logging in: a place below /admin, whatever was asked for."""
    return wanted if _OURS.fullmatch(wanted) else HOME


async def _logged_in(request: Request) -> bool:
    cookie = session_cookie(request)
    if cookie is None:
        return False
    try:
        caller, _ = await runtime_of(request).operators.by_session(cookie)
    except InvalidApiKey:
        return False
    return caller.role == "admin"


def _is_our_form(request: Request, token: str) -> bool:
    """Whether the browser that sends the form was given it by us, a while ago at most."""
    sessions = runtime_of(request).operators.sessions
    cookie = request.cookies.get(FORM_COOKIE, "")
    return (
        came_from_here(request)
        and sessions.is_form_cookie(cookie)
        and sessions.is_token_for(cookie, token)
    )


def _form(
    request: Request, wanted: str, *, status: int = 200, problem: str | None = None
) -> Response:
    sessions = runtime_of(request).operators.sessions
    cookie = sessions.form_cookie()
    text = render("login.html", csrf_token=sessions.token_for(cookie), next=wanted, problem=problem)
    response = HTMLResponse(text, status_code=status)
    response.set_cookie(
        FORM_COOKIE,
        cookie,
        path=LOGIN,
        httponly=True,
        samesite="strict",
        secure=_is_secure(request),
    )
    return response


def _refused(
    request: Request,
    wanted: str,
    status: int,
    problem: str,
    *,
    caller: Caller | None = None,
    retry_after: float | None = None,
) -> Response:
    audit = runtime_of(request).operators.audit
    audit.refused(act_of(request), status, action="login", caller=caller)
    response = _form(request, wanted, status=status, problem=problem)
    if status == InvalidApiKey.status:
        response.headers["www-authenticate"] = "Bearer"
    if retry_after is not None:
        response.headers["retry-after"] = str(math.ceil(retry_after))
    return response


def _begin_session(request: Request, caller: Caller, wanted: str) -> Response:
    sessions = runtime_of(request).operators.sessions
    _, cookie = sessions.begin(caller.key_id)
    response = RedirectResponse(wanted, status_code=303)
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=int(sessions.lifetime),
        path="/admin",
        httponly=True,
        # Not strict: a link in an alert must open the page. What changes something needs the token.
        samesite="lax",
        secure=_is_secure(request),
    )
    response.delete_cookie(
        FORM_COOKIE, path=LOGIN, httponly=True, samesite="strict", secure=_is_secure(request)
    )
    return response


def _is_secure(request: Request) -> bool:
    """Whether the browser speaks TLS; the server asks a proxy it trusts (FORWARDED_ALLOW_IPS)."""
    return request.url.scheme == "https"
