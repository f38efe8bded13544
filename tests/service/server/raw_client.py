"""Sends bytes as they are, in segments of their own, and tells every answer that comes back."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

BODY = b'{"model":"simulated","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}'


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """One answer of a connection."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """The error it carries."""
        return json.loads(self.body)["error"]


@dataclass(frozen=True, slots=True)
class Conversation:
    """All that one connection answered, and whether the server closed it."""

    answers: tuple[RawAnswer, ...]
    closed: bool

    @property
    def statuses(self) -> list[int]:
        """The status of each answer."""
        return [answer.status for answer in self.answers]

    @property
    def only(self) -> RawAnswer:
        """The one answer there is."""
        assert len(self.answers) == 1, self.statuses
        return self.answers[0]


def head(*fields: bytes, line: bytes = b"POST /v1/chat/completions HTTP/1.1") -> bytes:
    """A request's head."""
    return b"\r\n".join([line, b"Host: localhost", *fields]) + b"\r\n\r\n"


def converse(
    port: int,
    segments: Sequence[bytes],
    *,
    answers: int = 1,
    quiet: float = 0.15,
    pause: float = 0.01,
    patience: float = 10.0,
) -> Conversation:
    """Send each segment by itself; read until `answers` came and nothing more within `quiet`."""
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received, closed = b"", False
        for segment in segments:
            try:
                peer.sendall(segment)
            except (BrokenPipeError, ConnectionResetError):
                break
            time.sleep(pause)
        while not closed:
            peer.settimeout(quiet if len(_split(received)) >= answers else patience)
            try:
                part = peer.recv(65536)
            except TimeoutError:
                break
            except ConnectionResetError:
                part = b""
            closed = not part
            received += part
    return Conversation(tuple(_split(received)), closed)


def _split(received: bytes) -> list[RawAnswer]:
    found: list[RawAnswer] = []
    while b"\r\n\r\n" in received:
        first, _, rest = received.partition(b"\r\n\r\n")
        lines = first.decode("latin-1").split("\r\n")
        assert lines[0].startswith("HTTP/1.1 "), received[:200]
        headers = {
            name.lower(): value.strip()
            for name, _, value in (line.partition(":") for line in lines[1:])
        }
        size = int(headers.get("content-length", "0"))
        if len(rest) < size:
            break
        found.append(RawAnswer(int(lines[0].split(" ")[1]), headers, rest[:size]))
        received = rest[size:]
    return found
