"""Token usage of one inference, and its estimate where a provider does not tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, cast

CHARACTERS_PER_TOKEN = 4
"""English prose in current byte-pair vocabularies; good enough for an amount marked estimated."""
TOKENS_PER_MESSAGE = 4
"""What the chat templates wrap around each message (role and separators)."""
TOKENS_PER_IMAGE = 765
"""A 1024x1024 image at high detail in OpenAI's published rule."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one inference used.

    Cached tokens are inside `input_tokens` and reasoning inside `output_tokens`, audio and image
    tokens inside both, those cached for an hour inside `cache_write_tokens`. `characters` are text
    to be spoken, `seconds` audio to be written down, each where the provider bills by it.
    """

    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    input_audio_tokens: int = 0
    output_audio_tokens: int = 0
    estimated: bool = False
    cache_write_1h_tokens: int = 0
    input_image_tokens: int = 0
    output_image_tokens: int = 0
    characters: int = 0
    seconds: Decimal = Decimal(0)

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        """Both together."""
        sums = {name: getattr(self, name) + getattr(other, name) for name in _AMOUNTS}
        return Usage(**sums, estimated=self.estimated or other.estimated)


_AMOUNTS = tuple(one.name for one in fields(Usage) if one.name != "estimated")


def estimate_tokens(characters: int) -> int:
    """Tokens in so many characters of text, rounded up."""
    return -(-characters // CHARACTERS_PER_TOKEN)


def estimate_input_tokens(body: Mapping[str, Any]) -> int:
    """Input tokens of an OpenAI-shaped chat or embeddings body; ids of tokens count exactly."""
    if "messages" in body:
        messages: object = body["messages"]
        if not isinstance(messages, Sequence) or isinstance(messages, str):
            return 0
        tokens = sum(_message_tokens(message) for message in cast("Sequence[object]", messages))
        return tokens + _definition_tokens(body.get("tools"))
    return _input_tokens(body.get("input"))


def estimate_usage(
    body: Mapping[str, Any], *, output_characters: int, input_tokens: int | None = None
) -> Usage:
    """What an inference is billed for as far as can be told from its request and what came back.

    `input_tokens` are given where they were estimated before.
    """
    return Usage(
        input_tokens=estimate_input_tokens(body) if input_tokens is None else input_tokens,
        output_tokens=estimate_tokens(output_characters),
        estimated=True,
    )


def _message_tokens(message: object) -> int:
    if not isinstance(message, Mapping):
        return TOKENS_PER_MESSAGE
    fields = cast("Mapping[str, object]", message)
    tokens = TOKENS_PER_MESSAGE + _content_tokens(fields.get("content"))
    return tokens + _definition_tokens(fields.get("tool_calls"))


def _content_tokens(content: object) -> int:
    if isinstance(content, str):
        return estimate_tokens(len(content))
    if not isinstance(content, Sequence):
        return 0
    return sum(_part_tokens(part) for part in cast("Sequence[object]", content))


def _part_tokens(part: object) -> int:
    if not isinstance(part, Mapping):
        return 0
    fields = cast("Mapping[str, object]", part)
    if fields.get("type") == "image_url":
        return TOKENS_PER_IMAGE
    text = fields.get("text")
    return estimate_tokens(len(text)) if isinstance(text, str) else 0


def _definition_tokens(definitions: object) -> int:
    """Tool definitions and calls are JSON in the prompt; their text counts."""
    if not isinstance(definitions, Sequence) or isinstance(definitions, str):
        return 0
    return estimate_tokens(_text_length(cast("object", definitions)))


def _text_length(value: object) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping):
        items = cast("Mapping[str, object]", value).items()
        return sum(len(key) + _text_length(item) for key, item in items)
    if isinstance(value, Sequence):
        return sum(_text_length(item) for item in cast("Sequence[object]", value))
    return len(str(value))


def _input_tokens(value: object) -> int:
    if isinstance(value, str):
        return estimate_tokens(len(value))
    if not isinstance(value, Sequence):
        return 0
    items = cast("Sequence[object]", value)
    if items and isinstance(items[0], int | float):
        return len(items)
    return sum(_input_tokens(item) for item in items)
