"""An application that starts quickly, and one that cannot start."""

from __future__ import annotations

from typing import Any


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer everything with nothing."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def broken() -> Any:
    """Fail as an application whose settings are wrong does."""
    raise SystemExit(3)
