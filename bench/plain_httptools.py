"""uvicorn's own HTTP protocol, which the service replaces, to be measured beside ours."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class PlainHttpTools(HttpToolsProtocol):
    """Under a name of its own, so that it stays what it is."""
