"""Stand-ins on this machine for those who bring notifications to people."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(slots=True)
class Posts:
    """What was posted, by path."""

    port: int
    bodies: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def to(self, path: str) -> list[Any]:
        return [*self.bodies.get(f"/{path}", [])]


@contextmanager
def posts() -> Generator[Posts]:
    """A web server that takes JSON and says so as Slack does."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.bodies.setdefault(self.path, []).append(body)
            self.send_response(200)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received = Posts(server.server_address[1])
    with _serving(server):
        yield received


@dataclass(slots=True)
class Mailbox:
    """Each mail's recipients and text, headers included."""

    port: int
    mails: list[tuple[list[str], str]] = field(default_factory=list[tuple[list[str], str]])


@contextmanager
def mailbox() -> Generator[Mailbox]:
    """A relay that asks for no login and offers no TLS."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            recipients: list[str] = []
            self._say("220 relay")
            for line in self.rfile:
                command = line.decode().strip()
                word = command.partition(" ")[0].upper()
                if word == "RCPT":
                    recipients.append(command.partition("<")[2].partition(">")[0])
                if word == "DATA":
                    self._say("354 go on")
                    received.mails.append((recipients, self._text()))
                self._say("221 bye" if word == "QUIT" else "250 relay")
                if word == "QUIT":
                    return

        def _text(self) -> str:
            lines: list[bytes] = []
            while (line := self.rfile.readline()) not in (b".\r\n", b""):
                lines.append(line)
            return b"".join(lines).decode()

        def _say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    received = Mailbox(server.server_address[1])
    with _serving(server):
        yield received


@contextmanager
def _serving(server: socketserver.TCPServer) -> Generator[None]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
