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


def output_messages(body: JsonObject, most: int = sys.maxsize) -> list[dict[str, Any]] | None:
    """The choices of a chat completion, up to so many; None for an answer without any."""
    choices = body.get("choices")
    if not isinstance(choices, list):
        return None
    found: list[dict[str, Any]] = []
    for choice in islice(_objects(cast("object", choices)), most):
        message = _message(_object(choice.get("message")), most)
        found.append({**message, "finish_reason": _text(choice.get("finish_reason")) or "error"})
    return found


def answered_characters(body: JsonObject) -> int:
    """Characters of text in all choices of a chat completion."""
    contents = [_object(one.get("message")).get("content") for one in _objects(body.get("choices"))]
    parts = [part.get("text") for content in contents for part in _objects(content)]
    return sum(len(_text(text)) for text in (*contents, *parts))


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
            parts.append({"type": _text(part.get("type")) or "unknown"})
    for call in islice(_objects(message.get("tool_calls")), most):
        function = _object(call.get("function"))
        parts.append(
            {
                "type": "tool_call",
                "id": call.get("id"),
                "name": function.get("name"),
                "arguments": function.get("arguments"),
            }
        )
    return {"role": message.get("role", "assistant"), "parts": parts}


def _object(value: object) -> JsonObject:
    return cast("JsonObject", value) if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _objects(value: object) -> Iterable[JsonObject]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return ()
    items = cast("Sequence[object]", value)
    return (cast("JsonObject", item) for item in items if isinstance(item, Mapping))
