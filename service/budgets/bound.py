"""How much a request can use at the most, told from the request alone. Pure.

A token is at least one byte of text, so the bytes of the body bound its text, chat templates
included: a message's JSON is longer than what a template wraps around it. Input whose size says
little (images, files, audio, video) has an allowance instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic_core import to_json

from service.budgets.schema import AllowancesEntry
from service.json_pieces import json_pieces

OUTPUT_TOKENS = 4_096
"""Of an answer where neither the request nor the model's setting says how long it may be."""
AUDIO_CHARACTERS_PER_TOKEN = 42
"""Base64 of 32 bytes: the densest use known, 32 tokens a second of sound at 8 kbit/s."""
_PART_CHARACTERS = 64
Size = Callable[[Any], int]
"""Bytes of a value's JSON text."""
_ALLOWED = {
    "image_url": "image",
    "input_image": "image",
    "image": "image",
    "file": "file",
    "input_file": "file",
    "document": "file",
    "video_url": "video",
    "video": "video",
}


@dataclass(frozen=True, slots=True)
class Bound:
    """The most tokens a request can use. `states_output`: it says itself how long an answer is."""

    input_tokens: int
    output_tokens: int
    answer_tokens: int
    states_output: bool

    @property
    def tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


def bound_of(
    operation: str,
    body: Mapping[str, Any],
    *,
    setting: int | None,
    allowances: AllowancesEntry,
    in_slices: bool = False,
) -> Bound:
    """The bound of an OpenAI-shaped, validated body; `setting` is the model's own maximum.

    In slices it takes longer and holds up no other thread, which matters for a huge body.
    """
    size = _size_in_slices if in_slices else _size
    if operation == "embeddings":
        return Bound(_embedding_tokens(body, size), 0, 0, states_output=True)
    stated = max(body.get("max_completion_tokens") or 0, body.get("max_tokens") or 0)
    answer = stated or setting or OUTPUT_TOKENS
    choices = body.get("n") or 1
    return Bound(_chat_tokens(body, allowances, size), answer * choices, answer, stated > 0)


def _chat_tokens(body: Mapping[str, Any], allowances: AllowancesEntry, size: Size) -> int:
    messages = cast("list[Mapping[str, Any]]", body["messages"])
    if not any(isinstance(message.get("content"), list) for message in messages):
        return size(body)
    tokens = size({name: value for name, value in body.items() if name != "messages"})
    for message in messages:
        content = message.get("content")
        if isinstance(content, list):
            tokens += size({name: value for name, value in message.items() if name != "content"})
            parts = cast("list[Any]", content)
            tokens += sum(_part_tokens(part, allowances, size) for part in parts)
        else:
            tokens += size(message)
    return tokens


def _part_tokens(part: Any, allowances: AllowancesEntry, size: Size) -> int:
    kind = part.get("type") if isinstance(part, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - JSON
    if kind == "input_audio":
        audio = cast("Mapping[str, Any]", part).get("input_audio")
        data = cast("Mapping[str, Any]", audio).get("data") if isinstance(audio, Mapping) else None
        if isinstance(data, str):
            return _PART_CHARACTERS + -(-len(data) // AUDIO_CHARACTERS_PER_TOKEN)
    allowed = _ALLOWED.get(kind) if isinstance(kind, str) else None
    return size(part) if allowed is None else int(getattr(allowances, allowed))


def _embedding_tokens(body: Mapping[str, Any], size: Size) -> int:
    """Ids of tokens count exactly, text by its bytes."""
    given = body.get("input")
    if isinstance(given, list) and given:
        first = cast("list[Any]", given)[0]
        if isinstance(first, int | float):
            return len(cast("list[Any]", given))
        if isinstance(first, list):
            return sum(len(ids) for ids in cast("list[list[Any]]", given))
    return size(given)


def _size(value: Any) -> int:
    return len(to_json(value))


def _size_in_slices(value: Any) -> int:
    return sum(map(len, json_pieces(value)))
