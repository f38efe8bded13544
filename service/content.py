"""Prompts and answers in the conventions' message form, for the opt-in capture of content."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, cast

from otel.redaction import redact_beginning

JsonObject = Mapping[str, Any]


def input_messages(body: JsonObject, most: int = sys.maxsize) -> list[dict[str, Any]] | None:
    """The conversation of a chat request; None for an operation without one.

    What comes after so many messages and parts of them is left out.
    """
    messages = body.get("messages")
    if not isinstance(messages, list):
        return None
    found: list[dict[str, Any]] = []
    for message in cast("list[JsonObject]", messages):
        if most <= 0:
            break
        found.append(_message(message, most))
        most -= 1 + len(found[-1]["parts"])
    return found


def output_messages(body: JsonObject) -> list[dict[str, Any]] | None:
    """The choices of a chat completion; None for an answer without any."""
    choices = body.get("choices")
    if not isinstance(choices, list):
        return None
    found: list[dict[str, Any]] = []
    for choice in cast("list[JsonObject]", choices):
        message = _message(choice.get("message") or {})
        found.append({**message, "finish_reason": choice.get("finish_reason") or "error"})
    return found


class Transcript:
    """The answer of a stream, put together from its chunks up to a number of characters."""

    def __init__(self, limit: int) -> None:
        self._room = limit
        self._text: dict[int, list[str]] = {}
        self._reasons: dict[int, str] = {}

    def add(self, data: JsonObject) -> None:
        """Take in one chunk."""
        for choice in _objects(data.get("choices")):
            index = choice.get("index", 0)
            delta: JsonObject = choice.get("delta") or {}
            text = delta.get("content")
            if isinstance(text, str) and text and self._room >= 0:
                self._text.setdefault(index, []).append(text[: self._room])
                self._room -= len(text)
            if isinstance(reason := choice.get("finish_reason"), str):
                self._reasons[index] = reason

    def messages(self) -> list[dict[str, Any]]:
        """What was said, choice by choice."""
        # Once the room was used up, any of them may have been cut in the middle of a credential.
        whole = self._room >= 0
        texts = {index: "".join(parts) for index, parts in sorted(self._text.items())}
        return [
            {
                "role": "assistant",
                "parts": [{"type": "text", "content": text if whole else redact_beginning(text)}],
                "finish_reason": self._reasons.get(index, "error"),
            }
            for index, text in texts.items()
        ]


def _message(message: JsonObject, most: int = sys.maxsize) -> dict[str, Any]:
    content = message.get("content")
    parts: list[dict[str, Any]] = []
    if isinstance(content, str):
        parts.append({"type": "text", "content": content})
    for part in islice(_objects(content), most):
        if isinstance(part.get("text"), str):
            parts.append({"type": "text", "content": part["text"]})
        else:
            # Images and audio are told of, never kept.
            parts.append({"type": str(part.get("type", "unknown"))})
    for call in islice(_objects(message.get("tool_calls")), most):
        function: JsonObject = call.get("function") or {}
        parts.append(
            {
                "type": "tool_call",
                "id": call.get("id"),
                "name": function.get("name"),
                "arguments": function.get("arguments"),
            }
        )
    return {"role": message.get("role", "assistant"), "parts": parts}


def _objects(value: object) -> Iterable[JsonObject]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return ()
    items = cast("Sequence[object]", value)
    return (cast("JsonObject", item) for item in items if isinstance(item, Mapping))
