"""What all providers over HTTP do the same way: send JSON, read JSON or events, tell failures."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from service.errors import ProviderError, ProviderInvalidResponse
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
            body=encode(body),
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
        return self.decode(text), text

    def rate_limits(self, response: Response) -> tuple[RateLimit, ...]:
        """What the answer's headers tell of the provider's limits."""
        return rate_limits_of(response.headers, self._rate_limit_headers)

    async def events(self, response: Response) -> AsyncGenerator[Event, None]:
        """The body's events; raises at its end only if the connection broke."""
        parser = EventParser()
        async with aclosing(response.pieces()) as pieces:
            async for piece in pieces:
                for event in parser.feed(piece):
                    yield event

    def decode(self, text: bytes) -> dict[str, Any]:
        """A JSON object; raises `ProviderInvalidResponse` for anything else."""
        try:
            value: object = json.loads(text.decode())
            if b"\\ud" in text or b"\\uD" in text:
                value = without_half_surrogates(value)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise self.invalid("something that is not a JSON object")
        return value  # pyright: ignore[reportUnknownVariableType] - JSON's keys are strings

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
            text = await response.read()
        finally:
            response.close()
        said = self._read_failure(response.status, text)
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


_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_ESCAPED = json.JSONEncoder(separators=(",", ":"))


def encode(body: Mapping[str, Any]) -> bytes:
    """JSON text in UTF-8, without spaces. Half of a surrogate pair is sent as an escape."""
    try:
        return _COMPACT.encode(body).encode()
    except UnicodeEncodeError:
        return _ESCAPED.encode(body).encode()
