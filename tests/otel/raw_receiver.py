"""OTLP receivers of raw sockets, which fail in ways that no HTTP server would."""

import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

Answer = Callable[[socket.socket], None]


@contextmanager
def answering(answer: Answer) -> Generator[str]:
    """A server of raw sockets; each connection is given to `answer`."""
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            held.append(connection)
            threading.Thread(target=_guarded, args=(answer, connection), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.close()
        for connection in held:
            connection.close()


def _guarded(answer: Answer, connection: socket.socket) -> None:
    with connection, suppress(OSError):
        answer(connection)


def silent(connection: socket.socket) -> None:
    """Take all that comes and never answer."""
    while connection.recv(65536):
        pass


def read_request(connection: socket.socket) -> bytes:
    """One request's path, once all of it has come; nothing at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (part := connection.recv(65536)):
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    (size,) = (int(one.split(b":")[1]) for one in lines if one.startswith(b"content-length"))
    while len(body) < size:
        body += connection.recv(65536)
    return head.split()[1]


def saying(status: str, body: bytes = b"", kind: str = "application/x-protobuf") -> Answer:
    """Answer every request alike."""

    def answer(connection: socket.socket) -> None:
        while read_request(connection):
            fields = f"content-type: {kind}\r\ncontent-length: {len(body)}"
            connection.sendall(f"HTTP/1.1 {status}\r\n{fields}\r\n\r\n".encode() + body)

    return answer


def thrown_away(number: int) -> bytes:
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = number
    answer.partial_success.error_message = "too old"
    return answer.SerializeToString()
