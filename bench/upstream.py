"""A provider that answers every chat request at once with the same bytes, over real HTTP.

It speaks OpenAI's format, and Anthropic's where it is asked for messages.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

_USAGE = {"prompt_tokens": 20, "completion_tokens": 60, "total_tokens": 80}
_COMPLETION = {
    "id": "chatcmpl-bench",
    "object": "chat.completion",
    "created": 1763719200,
    "model": "bench",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Seven hills. " * 20},
            "finish_reason": "stop",
        }
    ],
    "usage": _USAGE,
}
_MESSAGE = {
    "id": "msg_bench",
    "type": "message",
    "role": "assistant",
    "model": "bench",
    "content": [{"type": "text", "text": "Seven hills. " * 20}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 20, "output_tokens": 60},
}


def _answer(value: Mapping[str, Any]) -> bytes:
    body = json.dumps(value).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


_ANSWER, _ANTHROPIC = _answer(_COMPLETION), _answer(_MESSAGE)


class _Answering(asyncio.Protocol):
    """Reads requests by their content-length and answers each; keeps the connection."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end]
            size = end + 4 + _content_length(head)
            if len(self._received) < size:
                return
            self._received = self._received[size:]
            assert self._transport is not None
            anthropic = b"/messages " in head.partition(b"\r\n")[0]
            self._transport.write(_ANTHROPIC if anthropic else _ANSWER)


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


@asynccontextmanager
async def upstream() -> AsyncGenerator[str]:
    """Answer on a free port of the loopback; yields the base URL for a target."""
    server = await asyncio.get_running_loop().create_server(_Answering, "127.0.0.1", 0)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/v1"
