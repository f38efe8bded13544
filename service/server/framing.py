"""Where one request ends and the next begins: uvicorn's parser, with what it leaves open closed.

The parser stops at the end of the head of a request that asks for another protocol, and takes what
follows, the request's body, for the next request. Here such a request loses its wish instead
(RFC 9110, section 7.8: a server may ignore it) and keeps its body. Trailer fields are dropped (RFC
9110, section 6.5.1), and the size of a head and of trailers is bounded.
"""

from __future__ import annotations

from typing import Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.errors import HeadersTooLarge, MalformedRequest
from service.server.options import ServerLimits

_UPGRADE_FIELDS: Final = frozenset({b"upgrade", b"http2-settings"})
_MALFORMED: Final = "This is no valid HTTP/1.1 request. Send one that follows RFC 9112."


def new_parser(protocol: HttpToolsProtocol) -> httptools.HttpRequestParser:
    """A parser at the start of a connection."""
    parser = httptools.HttpRequestParser(protocol)
    # A request may be followed by others though it asks to close; they are not answered.
    parser.set_dangerous_leniencies(lenient_data_after_close=True)
    return parser


def head_without_upgrade(
    method: str, target: bytes, version: str, fields: list[tuple[bytes, bytes]]
) -> bytes:
    """The head of a request as it was sent, less its wish for another protocol."""
    lines = [b"%s %s HTTP/%s\r\n" % (method.encode("ascii"), target, version.encode("ascii"))]
    for name, value in fields:
        kept = _connection_without_upgrade(value) if name == b"connection" else value
        if name not in _UPGRADE_FIELDS and (kept or name != b"connection"):
            lines.append(b"%s: %s\r\n" % (name, kept))
    return b"".join([*lines, b"\r\n"])


def _connection_without_upgrade(value: bytes) -> bytes:
    options = (option.strip() for option in value.split(b","))
    return b", ".join(option for option in options if option.lower() not in _UPGRADE_FIELDS)


def has_body(fields: list[tuple[bytes, bytes]]) -> bool:
    """Whether header fields announce a body."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value.strip(b"0 \t"))
        for name, value in fields
    )


def malformed() -> MalformedRequest:
    """The error for bytes that are no request."""
    return MalformedRequest(_MALFORMED)


def require_head_within(
    limits: ServerLimits, target: bytes, fields: list[tuple[bytes, bytes]]
) -> None:
    """Raise `HeadersTooLarge` unless a whole head keeps to the limits."""
    # Of each field also ": " and its end of line.
    size = len(target) + sum(len(name) + len(value) + 4 for name, value in fields)
    if len(fields) > limits.fields or size > limits.head_bytes:
        raise too_large(limits)


def too_large(limits: ServerLimits) -> HeadersTooLarge:
    """The error for a head, or trailers, beyond the limits."""
    return HeadersTooLarge(
        f"The request's head is larger than {limits.head_bytes:,} bytes or has more than "
        f"{limits.fields} fields. Send fewer or shorter header fields."
    )


def too_many_waiting(most: int) -> MalformedRequest:
    """The error for a request behind too many others of its connection."""
    return MalformedRequest(
        f"More than {most} requests wait on this connection. Read answers before you send more, "
        "or open more connections.",
        code="too_many_waiting",
    )
