"""Checks the token that a page's form or script must send back before anything is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive

from service.errors import BodyTimeout, PermissionDenied, RequestTooLarge, UnsupportedMediaType

HEADER: Final = "x-csrf-token"
FIELD: Final = "csrf_token"
MOST_BYTES: Final = 16 * 1024
MOST_SECONDS: Final = 10
_FORM: Final = "application/x-www-form-urlencoded"
_WRONG = "The form's token is missing or too old. Load the page again and repeat what you did."


async def with_checked_form(
    request: Request, receive: Receive, is_token: Callable[[str], bool]
) -> Receive:
    """Let pass what holds the token, as header or as field; the body can be read again.

    Raises `PermissionDenied`; `RequestTooLarge` and `BodyTimeout` for what no page of ours sends.
    """
    given = request.headers.get(HEADER)
    if given is not None:
        if not is_token(given):
            raise PermissionDenied(_WRONG)
        return receive
    if not is_form(request):
        raise PermissionDenied(_WRONG)
    body = await read_body(receive)
    if not is_token(form_field(body, FIELD)):
        raise PermissionDenied(_WRONG)
    return _again(body, receive)


async def read_form(request: Request, receive: Receive) -> bytes:
    """The body of a small form. Raises `UnsupportedMediaType` or `RequestTooLarge`."""
    if not is_form(request):
        raise UnsupportedMediaType(f"Send the form as 'Content-Type: {_FORM}'.")
    return await read_body(receive)


def is_form(request: Request) -> bool:
    """Whether the body is declared as a form's fields."""
    declared = request.headers.get("content-type", "")
    return declared.partition(";")[0].strip().lower() == _FORM


def form_field(body: bytes, name: str) -> str:
    """One field of a form; empty where it is absent, given twice or not text."""
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=32, errors="strict")
    except ValueError:
        return ""
    values = fields.get(name, [])
    return values[0] if len(values) == 1 else ""


async def read_body(receive: Receive) -> bytes:
    """The body, which must be small and come soon. Raises `RequestTooLarge` or `BodyTimeout`."""
    try:
        async with asyncio.timeout(MOST_SECONDS):
            return await _whole(receive)
    except TimeoutError:
        raise BodyTimeout(f"The form did not arrive within {MOST_SECONDS} seconds.") from None


async def _whole(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            raise RequestTooLarge(f"A form of more than {MOST_BYTES:,} bytes is not read.")
        if not message.get("more_body", False):
            return body


def _again(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
