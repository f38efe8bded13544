"""What browsers are told about every answer below /admin: nothing from elsewhere, nothing kept."""

from __future__ import annotations

import secrets
from typing import Final, cast

from fastapi import Request
from starlette.types import Message, Scope

_NONCE: Final = "gaugeway.admin.nonce"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'{nonce}; style-src 'self'{nonce}; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Not "no-referrer": browsers would then send our own forms with "Origin: null".
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
)


def script_nonce(request: Request) -> str:
    """A word for this answer alone: scripts and styles inside the page that carry it may run."""
    known = request.scope.get(_NONCE)
    if isinstance(known, str):
        return known
    nonce = secrets.token_urlsafe(16)
    request.scope[_NONCE] = nonce
    return nonce


def add_security_headers(scope: Scope, message: Message) -> None:
    """Add each header that the answer does not state itself."""
    headers = cast("list[tuple[bytes, bytes]]", message.setdefault("headers", []))
    stated = {name.lower() for name, _ in headers}
    nonce = scope.get(_NONCE)
    policy = _POLICY.format(nonce=f" 'nonce-{nonce}'" if nonce else "").encode()
    for name, value in (*_HEADERS, (b"content-security-policy", policy)):
        if name not in stated:
            headers.append((name, value))
