"""Makes our protocol the one that uvicorn takes by itself.

`uvicorn --factory service.app:create_app` chooses its protocol before it builds the application,
and makes one for each connection after. So the application, while it is built, has uvicorn's class
make ours: the plain command is as safe as any other. A protocol that was chosen by name (`--http`)
is left as it is.
"""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.server.protocol import HttpProtocol


def _make_ours(cls: type[HttpToolsProtocol], *_: Any, **__: Any) -> HttpToolsProtocol:
    # Python initialises what is returned by its own class.
    return object.__new__(HttpProtocol if cls is HttpToolsProtocol else cls)


def use_by_default() -> None:
    """From now on connections of uvicorn's servers in this process speak our protocol."""
    setattr(HttpToolsProtocol, "__new__", staticmethod(_make_ours))  # noqa: B010 - it has none yet
