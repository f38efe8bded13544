"""The one way out to providers: POST bytes, get a status, headers and bytes, whole or as they come.

Raises `ProviderUnreachable`, `ProviderTimeout`, `ProviderInvalidResponse` where the answer is not
HTTP, and `ProviderStreamInterrupted` where it ends before its time; a status is never an error.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Protocol

import aiohttp

from service.aside import aside_if
from service.errors import (
    ProviderError,
    ProviderInvalidResponse,
    ProviderStreamInterrupted,
    ProviderTimeout,
    ProviderUnreachable,
)
from service.providers.protocol import Timeouts

LINGER = 0.05
LARGE_BODY = 2**20
MAXIMUM_BODY = 256 * 2**20
"""Bytes of a whole answer: two thousand long embeddings fit, an endless page does not."""


class Response(Protocol):
    """An answer whose head has come. `headers` are looked up without regard to case."""

    @property
    def status(self) -> int:
        """The HTTP status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The header fields."""
        ...

    async def read(self) -> bytes:
        """The whole body; the connection goes back to the pool, or is closed where that fails."""
        ...

    def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes, in pieces of any size but 0."""
        ...

    async def finish(self) -> None:
        """After the answer's own end mark: let the connection be used again if its end is near.

        Waits at most `LINGER` seconds for the end of the body; raises nothing.
        """
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


class AiohttpTransport:
    """One aiohttp session: pooled, without cookies, redirects, proxies or netrc."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, timeouts: Timeouts
    ) -> Response:
        """Send a request and wait for the head of the answer."""
        try:
            response = await self._session.request(
                method,
                url,
                # From a buffer it goes out in pieces, with a turn for others between them.
                data=io.BytesIO(body) if len(body) > LARGE_BODY else body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    total=timeouts.total, connect=timeouts.connect, sock_read=timeouts.read
                ),
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _before_answer(error, timeouts, _place(url)) from error
        return _AiohttpResponse(response, timeouts, url)

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


class _AiohttpResponse:
    def __init__(self, response: aiohttp.ClientResponse, timeouts: Timeouts, url: str) -> None:
        self._response = response
        self._timeouts = timeouts
        self._url = url
        self.status: int = response.status
        self.headers: Mapping[str, str] = response.headers

    async def read(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        try:
            async for piece in self.pieces():
                parts.append(piece)
                size += len(piece)
                self._check(size)
        except BaseException:
            self.close()
            raise
        return parts[0] if len(parts) == 1 else await aside_if(size > LARGE_BODY, b"".join, parts)

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        content = self._response.content
        try:
            while piece := await content.readany():
                yield piece
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._within_answer(error) from error

    async def finish(self) -> None:
        content = self._response.content
        if content.at_eof():
            return
        # A provider's last event and the end of its body mostly come in one packet or two.
        with suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with asyncio.timeout(LINGER):
                await content.readany()

    def close(self) -> None:
        self._response.close()

    def _check(self, size: int) -> None:
        if size > MAXIMUM_BODY:
            raise ProviderInvalidResponse(
                f"{_place(self._url)} sent more than {MAXIMUM_BODY} bytes in one answer.",
                upstream_status=self.status,
            )

    def _within_answer(self, error: Exception) -> ProviderError:
        place = _place(self._url)
        if isinstance(error, TimeoutError):
            return _timed_out(error, self._timeouts, place)
        return ProviderStreamInterrupted(
            f"The answer of {place} ended before its time.", upstream_status=self.status
        )


def open_transport(*, maximum_connections: int = 1000) -> AiohttpTransport:
    """An aiohttp transport; call it on the running event loop, close it at shutdown."""
    connector = aiohttp.TCPConnector(
        limit=maximum_connections,
        keepalive_timeout=30,
        ttl_dns_cache=60,
    )
    session = aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        # Without it aiohttp asks for gzip, and each answer would be unpacked on the event loop.
        headers={"Accept-Encoding": "identity", "User-Agent": "gaugeway"},
        # JSON of chat requests is large, and a copy of it a chunk would be in vain.
        read_bufsize=2**16,
    )
    return AiohttpTransport(session)


def _place(url: str) -> str:
    """Host and port of an URL, for messages; the settings let no credentials into one."""
    return url.split("/", 3)[2]


def _before_answer(error: Exception, timeouts: Timeouts, place: str) -> ProviderError:
    if isinstance(error, TimeoutError):
        return _timed_out(error, timeouts, place)
    if isinstance(error, aiohttp.ClientResponseError):
        return ProviderInvalidResponse(f"What {place} answers is not HTTP.")
    reason = type(error.__cause__ or error).__name__
    return ProviderUnreachable(
        f"{place} cannot be reached ({reason}). Check that it runs and that the target's base_url "
        "is right."
    )


def _timed_out(error: TimeoutError, timeouts: Timeouts, place: str) -> ProviderTimeout:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return ProviderTimeout(
            f"No connection to {place} within {timeouts.connect:g} s.", timeout_kind="connect"
        )
    if isinstance(error, aiohttp.SocketTimeoutError):
        return ProviderTimeout(
            f"{place} sent nothing for {timeouts.read:g} s.", timeout_kind="read"
        )
    return ProviderTimeout(
        f"{place} did not finish within {timeouts.total:g} s.", timeout_kind="deadline"
    )
