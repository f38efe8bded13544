"""Where an application serves WebSockets: only there does a connection change its protocol."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.routing import Match
from starlette.types import Scope


def websocket_paths(app: Starlette) -> Callable[[str], bool]:
    """Whether the application has a WebSocket at a path, asked when a client wants one."""

    def serves(path: str) -> bool:
        scope: Scope = {"type": "websocket", "path": path, "root_path": "", "headers": []}
        return any(route.matches(scope)[0] is Match.FULL for route in app.routes)

    return serves
