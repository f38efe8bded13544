"""What browsers are told about every answer below /admin: nothing from elsewhere, nothing kept."""

from __future__ import annotations

from typing import Final, cast

from starlette.types import Message

_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    # Not "no-referrer": browsers would then send our own forms with "Origin: null".
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (
        b"content-security-policy",
        b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        b"font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        b"frame-ancestors 'none'",
    ),
)


def add_security_headers(message: Message) -> None:
    """Add each header that the answer does not state itself."""
    headers = cast("list[tuple[bytes, bytes]]", message.setdefault("headers", []))
    stated = {name.lower() for name, _ in headers}
    headers += [(name, value) for name, value in _HEADERS if name not in stated]
