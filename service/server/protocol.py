"""The protocol of one connection: uvicorn's, with bounds on what it reads and for how long.

uvicorn makes one for each connection (`service.server.default`). What it reads before a request is
one cannot be refused by the application, so it is refused here, in the same shape of error.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from service.error_shape import ServiceError
from service.errors import BodyTimeout, HeadTimeout, MethodNotAllowed
from service.server import framing
from service.server.options import ServerOptions
from service.server.patience import Patience
from service.server.refusal import refusal

if TYPE_CHECKING:
    from uvicorn._types import ASGI3Application

logger = logging.getLogger(__name__)

LINGER_SECONDS: Final = 2.0
"""How long a refused client may go on sending; closed at once, it could miss the refusal."""
UNWANTED_BYTES: Final = 16 * 1024**2
"""How much is read, and forgotten, of what nobody waits for any more."""
WAITING_REQUESTS: Final = 100
"""How many requests of one connection may wait for their turn."""
_UVICORN_KEEP_ALIVE: Final = 5


class HttpProtocol(HttpToolsProtocol):
    """Reads requests off one connection and hands each to the application exactly once."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._options = ServerOptions.of(app_state)
        self._limits = self._options.limits
        if config.timeout_keep_alive == _UVICORN_KEEP_ALIVE:  # Nobody gave that option.
            self.timeout_keep_alive = self._limits.keep_alive_seconds
        self._in_head = False
        self._in_body = False
        self._fed = 0  # Bytes being parsed now.
        self._begun = 0  # Requests that began among them.
        self._head_size = 0
        self._head_size_known = True
        self._silent = 0  # Bytes of a body's framing since the last one of the body itself.
        self._body_moved = False
        self._trailers: list[tuple[bytes, bytes]] = []
        self._unwanted = 0
        self._refused: ServiceError | None = None
        self._answered: RequestResponseCycle | None = None
        self._patience = Patience(self.loop, self._impatient)

    # What the transport says.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait_for_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._patience.end()
        self._unset_keepalive_if_required()
        super().connection_lost(exc)
        # uvicorn tells the newest request; the one being answered may be another.
        answered = self._answered
        if answered is not None and not answered.response_complete:
            answered.disconnected = True
            answered.message_event.set()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        if self._refused is not None:
            self._forget(len(data))
            return
        self._unset_keepalive_if_required()
        whole, continues = not self._in_body, self._in_head
        self._begun, self._body_moved = 0, False
        try:
            self._feed(data)
            self._measure(len(data), continues=continues, whole=whole)
        except ServiceError as error:
            self._refuse(error)
        else:
            self._wait()

    # What the parser says.

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._in_head = True
        self._begun += 1
        self._head_size, self._head_size_known = 0, True
        self._patience.since = self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field, or a trailer field, which counts for nothing."""
        if not self._in_body:
            super().on_header(name, value)
            return
        self._trailers.append((name, value))
        framing.require_head_within(self._limits, b"", self._trailers)

    def on_headers_complete(self) -> None:
        """The head is there; a wish for another protocol is dealt with once it has been parsed."""
        self._in_head = False
        limits = self._limits
        if (
            self._head_size + self._fed > limits.head_bytes
            or len(self.headers) > limits.fields
            or not self._head_size_known
        ):
            framing.require_head_within(limits, self.url, self.headers)
        if len(self.pipeline) >= WAITING_REQUESTS:
            raise framing.too_many_waiting(WAITING_REQUESTS)
        if self.parser.should_upgrade():
            self.scope["method"] = self.parser.get_method().decode("ascii")
            return
        super().on_headers_complete()
        self._in_body = True
        self._silent = 0
        self._trailers = []

    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        self._body_moved = True
        super().on_body(body)
        if self.cycle.response_complete:
            self._forget(len(body))

    def on_message_complete(self) -> None:
        """The request is there."""
        self._in_body = False
        if self.parser.should_upgrade():
            return
        super().on_message_complete()
        if self._trailers and not self.parser.should_keep_alive():
            # A trailer said so to the parser, which from now on is deaf.
            self.cycle.keep_alive = False
            if self.cycle.response_complete:
                self.transport.close()

    # Parsing.

    def _feed(self, data: bytes | memoryview) -> None:
        """Parse. Raises the error to refuse the connection with."""
        left: bytes | memoryview = data
        while left:
            self._fed = len(left)
            try:
                self.parser.feed_data(left)
            except httptools.HttpParserUpgrade as stop:
                # In turns and by views: a segment may hold many such requests.
                left = self._upgrade(memoryview(left)[stop.args[0] :])
            except httptools.HttpParserCallbackError as failed:
                if isinstance(failed.__context__, ServiceError):
                    raise failed.__context__ from None
                raise framing.malformed() from None
            except httptools.HttpParserError:
                raise framing.malformed() from None
            else:
                left = b""

    def _upgrade(self, rest: memoryview) -> bytes | memoryview:
        """Change the protocol where a WebSocket is asked for and served; else ignore the wish.

        What is left to parse.
        """
        method, version = self.scope["method"], self.parser.get_http_version()
        if method == "CONNECT":
            raise MethodNotAllowed("CONNECT is for proxies; this service is none.")
        if self._takes_websocket():
            self._patience.end()
            self.handle_websocket_upgrade()
            taken_over = self.transport.get_protocol()
            if rest and isinstance(taken_over, asyncio.Protocol):
                taken_over.data_received(bytes(rest))
            return b""
        head = framing.head_without_upgrade(method, self.url, version, self.headers)
        self.parser = framing.new_parser(self)
        self._feed(head)  # It offers nothing, so this goes no deeper.
        return rest

    def _takes_websocket(self) -> bool:
        if (
            self.scope["method"] != "GET"
            or not self._should_upgrade()
            or framing.has_body(self.headers)
            or self._answering()
        ):
            return False
        try:
            path = httptools.parse_url(self.url).path.decode("ascii")
        except (httptools.HttpParserError, UnicodeDecodeError, AttributeError):
            raise framing.malformed() from None
        return self._options.serves_websocket(unquote(path))

    def _measure(self, size: int, *, continues: bool, whole: bool) -> None:
        """Bound what is kept of a head, and what is read of a body's framing."""
        if self._in_head:
            if continues:
                self._head_size += size
            elif whole and self._begun == 1:
                self._head_size = size
            else:
                self._head_size_known = False  # Where in these bytes it began is not told.
            if self._head_size > self._limits.head_bytes:
                raise framing.too_large(self._limits)
        elif self._in_body:
            self._silent = 0 if self._body_moved else self._silent + size
            if self._silent > self._limits.head_bytes:
                raise framing.too_large(self._limits)

    # Waiting.

    def _wait(self) -> None:
        if self._in_head:
            self._patience.wait(self._limits.head_seconds)
        elif self._in_body:
            self._patience.since = self.loop.time()
            self._patience.wait(self._limits.body_seconds)
        elif not self._answering():
            self._wait_for_request()

    def _wait_for_request(self) -> None:
        if self.timeout_keep_alive_task is None and not self.transport.is_closing():
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _impatient(self) -> None:
        """Nothing came for too long."""
        if self._in_head:
            seconds = self._limits.head_seconds
            if self._patience.over(seconds):
                self._refuse(
                    HeadTimeout(f"The request's head did not arrive within {seconds:g} seconds.")
                )
        elif self._in_body:
            # A body that the application does not take in is not the client's delay.
            if self.flow.read_paused:
                self._patience.since = self.loop.time()
            seconds = self._limits.body_seconds
            if self._patience.over(seconds):
                self._refuse(
                    BodyTimeout(f"Nothing of the request body came for {seconds:g} seconds.")
                )

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, app)

    def _answering(self) -> bool:
        """Whether an answer is due for a request that was read before."""
        return bool(self.pipeline) or (
            self.cycle is not None and not self.cycle.response_complete  # pyright: ignore[reportUnnecessaryComparison] - None before the first request
        )

    # Refusing.

    def _refuse(self, error: ServiceError) -> None:
        """Answer what was read before, then this error, and read nothing more."""
        self._refused = error
        self._patience.end()
        self._options.refused(error)
        if self._in_body:
            self._give_up_body()
        if not self.transport.is_closing() and not self._answering():
            self._write_refusal(error)

    def _give_up_body(self) -> None:
        """The request being read will never be whole."""
        if self.pipeline:
            self.pipeline.popleft()  # It waits behind others; the application knows nothing of it.
            return
        cycle = self.cycle
        if cycle.response_started:
            self.transport.close()  # Its answer, whole or not, cannot be followed by another.
            return
        cycle.disconnected = True
        cycle.response_complete = True
        cycle.message_event.set()

    def _write_refusal(self, error: ServiceError) -> None:
        self.transport.write(refusal(error))
        if not self.transport.can_write_eof():
            self.transport.close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)

    def on_response_complete(self) -> None:
        """An answer is out: the next one, or the refusal of what could not be read."""
        if self._refused is None or self.pipeline or self.transport.is_closing():
            super().on_response_complete()
            return
        self.server_state.total_requests += 1
        self._write_refusal(self._refused)

    def _forget(self, size: int) -> None:
        self._unwanted += size
        if self._unwanted > UNWANTED_BYTES:
            self.transport.close()
