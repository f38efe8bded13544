"""OpenAI's wire format, written by hand from its reference."""

from __future__ import annotations

import json
from typing import Any

ANSWER: dict[str, Any] = {
    "id": "chatcmpl-A1",
    "object": "chat.completion",
    "created": 1760000000,
    "model": "gpt-5-mini-2025-08-07",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Grüß Gott", "refusal": None},
            "finish_reason": "stop",
        }
    ],
    "usage": {
        "prompt_tokens": 1200,
        "completion_tokens": 80,
        "total_tokens": 1280,
        "prompt_tokens_details": {"cached_tokens": 1024, "audio_tokens": 7},
        "completion_tokens_details": {"reasoning_tokens": 64, "audio_tokens": 5},
    },
    "service_tier": "default",
    "system_fingerprint": "fp_44709d6fcb",
}


def event(data: object) -> bytes:
    return f"data: {json.dumps(data)}\n\n".encode()


def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
    return {"id": "chatcmpl-A1", "object": "chat.completion.chunk", "choices": choices, **more}


USAGE_CHUNK: dict[str, Any] = {
    "id": "chatcmpl-A1",
    "object": "chat.completion.chunk",
    "choices": [],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
}


DONE = b"data: [DONE]\n\n"
