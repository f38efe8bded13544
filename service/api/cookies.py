"""Takes out of requests the cookies that are slow to read.

A cookie in quotes may hold escapes, and Python before 3.11.10 takes them apart in time that grows
with the square of their number: a header of 64 kB stops a worker for seconds, and the framework
reads cookies before anybody has asked for a key. No cookie of ours has one; RFC 6265 allows none.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

_NAME = b"cookie"
_ESCAPE = b"\\"


def drop_escaped_cookies(scope: MutableMapping[str, Any]) -> None:
    """Leave of the request's cookies those without a backslash."""
    for name, value in scope["headers"]:
        if name == _NAME and _ESCAPE in value:
            scope["headers"] = [
                (name, _plain(value) if name == _NAME else value)
                for name, value in scope["headers"]
            ]
            return


def _plain(header: bytes) -> bytes:
    return b";".join(cookie for cookie in header.split(b";") if _ESCAPE not in cookie)
