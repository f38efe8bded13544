"""What all providers over HTTP do the same way: send JSON, read JSON or events, tell failures."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Final, cast

from service.aside import aside_if
from service.errors import ProviderError, ProviderInvalidResponse
from service.json_pieces import json_pieces, json_text
from service.providers.answer_text import LONG_TEXT, may_hold_surrogates, parse_answer
from service.providers.failures import Failure, error_of
from service.providers.protocol import Call, Timeouts
from service.providers.rate_limit_headers import OPENAI, HeaderNames, rate_limits_of
from service.providers.retry_after import retry_after_seconds, should_retry
from service.providers.shapes import without_half_surrogates
from service.providers.sse import Event, EventParser
from service.providers.transport import Response, Transport
from service.rate_limits import RateLimit
from service.targets import Connection

CHECK_TIMEOUTS = Timeouts(connect=2.0, read=5.0, total=5.0)

MAXIMUM_FAILURE: Final = 2**20
"""Bytes of an error answer that are read; what it says stands at its beginning."""
_PIECE: Final = 16 * 1024
_EVENTS_IN_A_ROW: Final = 64

ReadFailure = Callable[[int, bytes], Failure]
"""From status and body of an error answer to what it says; the headers are read here."""


class Endpoint:
    """One target's address with its headers; knows nothing of a vendor's format but its errors."""

    def __init__(
        self,
        connection: Connection,
        transport: Transport,
        *,
        base_url: str,
        headers: Mapping[str, str],
        read_failure: ReadFailure,
        rate_limit_headers: Sequence[HeaderNames] = OPENAI,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.target = connection.name
        self._secret = connection.api_key.get_secret_value() if connection.api_key else None
        self._transport = transport
        self._base_url = base_url
        self._headers = {"Content-Type": "application/json", **connection.headers, **headers}
        self._read_failure = read_failure
        self._rate_limit_headers = rate_limit_headers
        self._now = now

    async def post(self, path: str, body: Mapping[str, Any], call: Call) -> Response:
        """Send JSON and give the answer, whose status is 200; raises `ProviderError` otherwise."""
        response = await self._transport.request(
            "POST",
            self._base_url + path,
            headers={**self._headers, **call.headers} if call.headers else self._headers,
            body=await aside_if(call.weight.heavy, encode, body, in_slices=call.weight.huge),
            timeouts=call.timeout,
        )
        if response.status != 200:
            raise await self._failed(response)
        return response

    async def check(self, path: str) -> None:
        """Raise `ProviderError` unless a GET of the path is answered below 500 and not refused."""
        response = await self._transport.request(
            "GET", self._base_url + path, headers=self._headers, body=b"", timeouts=CHECK_TIMEOUTS
        )
        if response.status >= 500 or response.status in (401, 402, 403):
            raise await self._failed(response)
        response.close()

    async def read_object(self, response: Response) -> tuple[dict[str, Any], bytes]:
        """The whole body as a JSON object, and its text."""
        try:
            text = await response.read()
        finally:
            response.close()
        return await aside_if(len(text) > LONG_TEXT, self.decode, text), text

    def rate_limits(self, response: Response) -> tuple[RateLimit, ...]:
        """What the answer's headers tell of the provider's limits."""
        return rate_limits_of(response.headers, self._rate_limit_headers)

    async def events(self, response: Response) -> AsyncGenerator[Event, None]:
        """The body's events; raises at its end only if the connection broke.

        However fast they come, others have their turn between them.
        """
        parser = EventParser()
        passed = 0
        async with aclosing(response.pieces()) as pieces:
            async for piece in pieces:
                for start in range(0, len(piece), _PIECE):
                    if start:
                        await asyncio.sleep(0)
                    for event in parser.feed(piece[start : start + _PIECE]):
                        yield event
                        passed += 1
                        if passed % _EVENTS_IN_A_ROW == 0:
                            await asyncio.sleep(0)

    def decode(self, text: bytes) -> dict[str, Any]:
        """A JSON object; raises `ProviderInvalidResponse` for anything else.

        For a long text it is to be called beside the event loop.
        """
        try:
            value = parse_answer(text)
        except ValueError as error:
            raise self.invalid(str(error)) from None
        if not isinstance(value, dict):
            raise self.invalid("something that is not a JSON object")
        if may_hold_surrogates(text):
            value = without_half_surrogates(cast("object", value))
        return cast("dict[str, Any]", value)

    def invalid(self, what: str) -> ProviderInvalidResponse:
        """The error of an answer that is not the target's own format."""
        return ProviderInvalidResponse(
            f"The target '{self.target}' answered {what}. Check that its base_url is the address "
            "of the API it is declared for.",
            upstream_status=200,
        )

    def error(self, failure: Failure) -> ProviderError:
        """The error of a failure that came inside an answer."""
        return error_of(failure, target=self.target, secret=self._secret)

    async def _failed(self, response: Response) -> ProviderError:
        try:
            text = await _beginning(response)
        finally:
            response.close()
        said = await aside_if(len(text) > LONG_TEXT, self._read_failure, response.status, text)
        return self.error(
            Failure(
                status=said.status,
                message=said.message,
                code=said.code,
                param=said.param,
                retry_after=retry_after_seconds(response.headers, now=self._now()),
                should_retry=should_retry(response.headers),
                rate_limits=self.rate_limits(response),
            )
        )


def encode(body: Mapping[str, Any], *, in_slices: bool = False) -> bytes:
    """JSON text in UTF-8, without spaces. Half of a surrogate pair is sent as an escape."""
    return b"".join(json_pieces(body)) if in_slices else json_text(body)


async def _beginning(response: Response) -> bytes:
    """The body, or as much of it as matters."""
    parts: list[bytes] = []
    size = 0
    async with aclosing(response.pieces()) as pieces:
        async for piece in pieces:
            parts.append(piece)
            size += len(piece)
            if size >= MAXIMUM_FAILURE:
                break
    return b"".join(parts)
