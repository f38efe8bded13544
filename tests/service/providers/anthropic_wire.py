"""Anthropic's wire format, written by hand from its reference."""

from __future__ import annotations

import json
from typing import Any

ANSWER: dict[str, Any] = {
    "id": "msg_01X",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5-20250929",
    "content": [{"type": "text", "text": "Hallo"}, {"type": "text", "text": " Welt"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {
        "input_tokens": 10,
        "cache_read_input_tokens": 200,
        "cache_creation_input_tokens": 30,
        "output_tokens": 5,
    },
}


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


def error_body(kind: str) -> dict[str, Any]:
    return {"type": "error", "error": {"type": kind, "message": "Said so."}, "request_id": "r"}


def sse(kind: str, body: dict[str, Any]) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **body})}\n\n".encode()


START = sse(
    "message_start",
    {
        "message": {
            "id": "msg_01X",
            "model": "claude-sonnet-4-5-20250929",
            "usage": {"input_tokens": 10, "cache_read_input_tokens": 200, "output_tokens": 1},
        }
    },
)


PING = sse("ping", {})


def block_start(index: int, block: dict[str, Any]) -> bytes:
    return sse("content_block_start", {"index": index, "content_block": block})


def delta(index: int, body: dict[str, Any]) -> bytes:
    return sse("content_block_delta", {"index": index, "delta": body})


def block_stop(index: int) -> bytes:
    return sse("content_block_stop", {"index": index})


def message_delta(reason: str, **usage: int | None) -> bytes:
    return sse("message_delta", {"delta": {"stop_reason": reason}, "usage": usage})


STOP = sse("message_stop", {})


TEXT_STREAM = [
    START,
    block_start(0, text("")),
    PING,
    delta(0, {"type": "text_delta", "text": "Grüß"}),
    delta(0, {"type": "text_delta", "text": " Gott"}),
    block_stop(0),
    message_delta("end_turn", output_tokens=15, cache_creation_input_tokens=None),
    STOP,
]
