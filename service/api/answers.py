"""From the gateway's answers to HTTP: one JSON text, or server-sent events as they come."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from otel import attributes as names
from otel.instruments import Instruments
from service.api import headers
from service.api.context import instruments_of, runtime_of, trace_id_of
from service.api.disconnect import DisconnectWatch
from service.api.errors import INTERNAL_MESSAGE
from service.api.unexpected import log_unexpected
from service.budgets.telling import budget_headers
from service.errors import InternalError, ServiceError
from service.exchange import Answer, ModelRequest
from service.money import amount_text
from service.streaming import AnswerStream

LAST_WORD_SECONDS = 1.0
"""How long a client that reads slowly is given for the last event of a stream that was cut."""
LARGE_ANSWER = 2**20
"""Bytes; a larger one is sent in pieces, of which the next waits until there is room."""
_PIECE = 256 * 1024
_CHUNKS_IN_A_ROW = 64
"""So many chunks of a stream may follow each other before others have their turn."""
_LABELS: dict[tuple[str, int], Mapping[str, str | int | None]] = {}


def answer_response(request: Request, asked: ModelRequest, answer: Answer) -> Response:
    """A whole answer, with what it cost."""
    seconds = time.perf_counter() - asked.started
    record_gateway_time(
        instruments_of(request), asked.operation, 200, seconds - answer.provider_seconds
    )
    kind = LargeResponse if len(answer.encoded) > LARGE_ANSWER else Response
    return kind(
        answer.encoded,
        headers={
            **headers.bill_headers(answer.bill, answer.cache, seconds),
            **budget_headers(answer.lease),
        },
        media_type="application/json",
    )


class LargeResponse(Response):
    """The same answer, no faster than the client reads and with turns for others in between."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head, then piece by piece."""
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        body = bytes(self.body)
        for start in range(0, len(body), _PIECE):
            end = start + _PIECE
            piece, more = body[start:end], end < len(body)
            await send({"type": "http.response.body", "body": piece, "more_body": more})
            await asyncio.sleep(0)


def record_gateway_time(
    instruments: Instruments, operation: str, status: int, seconds: float
) -> None:
    """Record the gateway's own part of a request."""
    key = (operation, status)
    labels = _LABELS.get(key)
    if labels is None:
        labels = _LABELS[key] = {names.OPERATION_NAME: operation, names.HTTP_STATUS_CODE: status}
    instruments.gateway_duration.record(max(0.0, seconds), labels)


class EventStreamResponse(Response):
    """Sends a stream's chunks as server-sent events, no faster than the client reads.

    The cost follows the last chunk as comments, before `[DONE]`. A failure after the head has
    gone out is an event that holds the error, and no `[DONE]`.
    """

    def __init__(
        self, request: Request, asked: ModelRequest, stream: AnswerStream, watch: DisconnectWatch
    ) -> None:
        super().__init__(
            headers={
                "cache-control": "no-cache",
                "x-accel-buffering": "no",
                headers.CACHE: stream.cache,
                **budget_headers(stream.lease),
            },
            media_type="text/event-stream",
        )
        # Its length is not known.
        self.raw_headers = [item for item in self.raw_headers if item[0] != b"content-length"]
        self._asked = asked
        self._stream = stream
        self._watch = watch
        self._instruments = instruments_of(request)
        self._in_flight = runtime_of(request).in_flight
        self._content = runtime_of(request).telemetry.settings.capture.on_event
        self._trace_id = trace_id_of(request.scope)
        self._sending_seconds = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream; every way out ends it."""
        try:
            await self._send_all(send)
        except OSError:
            return  # Some servers say so when the client has gone.
        except asyncio.CancelledError:
            interruption = self._stream.interruption
            if not interruption.caught():
                raise
            await self._stream.aclose()
            if interruption.reason != "client_disconnect":
                await self._last_word(send, interruption.error())
        finally:
            self._watch.end()
            await self._stream.aclose()
            self._record_gateway_time()

    async def _send_all(self, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        try:
            sent = 0
            async for data in self._stream:
                await self._send(send, b"data: " + data + b"\n\n")
                sent += 1
                if sent % _CHUNKS_IN_A_ROW == 0:
                    await asyncio.sleep(0)
        except ServiceError as error:
            last = self._error_event(error)
        except OSError:
            raise
        except Exception as error:  # the head is out, so this is the only way left to say so
            log_unexpected(error, self._trace_id, content=self._content)
            last = self._error_event(InternalError(INTERNAL_MESSAGE))
        else:
            last = self._closing_comments() + b"data: [DONE]\n\n"
        # The inference is over; a client that does not take the end must not hold up the service.
        with suppress(ServiceError), self._in_flight.track(self._asked.deadline):
            await self._send(send, last, more=False)

    async def _send(self, send: Send, body: bytes, *, more: bool = True) -> None:
        started = time.perf_counter()
        await send({"type": "http.response.body", "body": body, "more_body": more})
        self._sending_seconds += time.perf_counter() - started

    async def _last_word(self, send: Send, error: ServiceError) -> None:
        """Tell the client why it ends, unless it does not read."""
        try:
            async with asyncio.timeout(LAST_WORD_SECONDS):
                await self._send(send, self._error_event(error), more=False)
        except TimeoutError:
            return

    def _closing_comments(self) -> bytes:
        bill = self._stream.bill
        if bill is None:
            return b""
        seconds = time.perf_counter() - self._asked.started
        lines: list[str] = []
        if bill.cost is None:
            lines.append(": gaugeway-unpriced=true")
        else:
            lines.append(f": gaugeway-cost-usd={amount_text(bill.cost)}")
        lines.append(f": gaugeway-tokens={bill.tokens}")
        if bill.estimated:
            lines.append(": gaugeway-usage-estimated=true")
        lines.append(f": gaugeway-duration-ms={headers.milliseconds(seconds)}")
        return ("\n".join(lines) + "\n\n").encode()

    def _error_event(self, error: ServiceError) -> bytes:
        body: dict[str, Any] = error.body(trace_id=self._trace_id)
        return b"data: " + json.dumps(body).encode() + b"\n\n"

    def _record_gateway_time(self) -> None:
        seconds = time.perf_counter() - self._asked.started
        elsewhere = self._stream.provider_seconds + self._sending_seconds
        record_gateway_time(
            self._instruments, self._asked.operation, self.status_code, seconds - elsewhere
        )
