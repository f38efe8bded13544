"""The one way out to providers: POST bytes, get a status, headers and bytes, whole or as they come.

Raises `ProviderUnreachable`, `ProviderTimeout` and `ProviderStreamInterrupted`; a status is never
an error here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from service.providers.protocol import Timeouts


class Response(Protocol):
    """An answer whose head has come. `headers` are looked up without regard to case."""

    status: int
    headers: Mapping[str, str]

    async def read(self) -> bytes:
        """The whole body; the connection goes back to the pool."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it comes, in pieces of any size."""
        ...

    def close(self) -> None:
        """Close the connection at once unless the body was read to its end; safe to repeat."""
        ...


class Transport(Protocol):
    """A pool of connections, shared by all providers."""

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, timeouts: Timeouts
    ) -> Response:
        """Send a request and wait for the head of the answer."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


def open_transport() -> Transport:
    """An aiohttp transport; call it on the running event loop, close it at shutdown."""
    raise NotImplementedError
