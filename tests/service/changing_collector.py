"""A Collector of raw sockets whose answers a test changes while connections stand."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from types import TracebackType

from tests.otel.raw_receiver import read_request


class ChangingCollector:
    """Takes every connection; answers each request as was last said, or not at all."""

    def __init__(self) -> None:
        self._status: str | None = "200 OK"
        self._body = b""
        self._changed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self.endpoint = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def answer(self, status: str | None, body: bytes = b"") -> None:
        """What is answered from now on; None: nothing, until something is."""
        with self._changed:
            self._status, self._body = status, body
            self._changed.notify_all()

    def __enter__(self) -> ChangingCollector:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._listener.close()
        self.answer("503 Service Unavailable")
        for connection in tuple(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(connection)
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while read_request(connection):
                with self._changed:
                    self._changed.wait_for(lambda: self._status is not None)
                    status, body = self._status, self._body
                head = (
                    f"HTTP/1.1 {status}\r\ncontent-type: application/x-protobuf\r\n"
                    f"content-length: {len(body)}\r\n\r\n"
                )
                connection.sendall(head.encode() + body)
        self._open.discard(connection)
