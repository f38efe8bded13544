"""How much a request can use at the most, told from the request alone. Pure.

A token is at least one byte of text, so the bytes of the body bound its text, chat templates
included: a message's JSON is longer than what a template wraps around it. Input whose size says
little (images, files, audio, video) has an allowance instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from pydantic_core import to_json

from service.budgets.schema import AllowancesEntry

OUTPUT_TOKENS = 4_096
"""Of an answer where neither the request nor the model's setting says how long it may be."""
AUDIO_CHARACTERS_PER_TOKEN = 42
"""Base64 of 32 bytes: the densest use known, 32 tokens a second of sound at 8 kbit/s."""
_PART_CHARACTERS = 64
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
    operation: str, body: Mapping[str, Any], *, setting: int | None, allowances: AllowancesEntry
) -> Bound:
    """The bound of an OpenAI-shaped, validated body; `setting` is the model's own maximum."""
    if operation == "embeddings":
        return Bound(_embedding_tokens(body), 0, 0, states_output=True)
    stated = max(body.get("max_completion_tokens") or 0, body.get("max_tokens") or 0)
    answer = stated or setting or OUTPUT_TOKENS
    choices = body.get("n") or 1
    return Bound(_chat_tokens(body, allowances), answer * choices, answer, stated > 0)


def _chat_tokens(body: Mapping[str, Any], allowances: AllowancesEntry) -> int:
    messages = cast("list[Mapping[str, Any]]", body["messages"])
    if not any(isinstance(message.get("content"), list) for message in messages):
        return _size(body)
    tokens = _size({name: value for name, value in body.items() if name != "messages"})
    for message in messages:
        content = message.get("content")
        if isinstance(content, list):
            tokens += _size({name: value for name, value in message.items() if name != "content"})
            tokens += sum(_part_tokens(part, allowances) for part in cast("list[Any]", content))
        else:
            tokens += _size(message)
    return tokens


def _part_tokens(part: Any, allowances: AllowancesEntry) -> int:
    kind = part.get("type") if isinstance(part, Mapping) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - JSON
    if kind == "input_audio":
        audio = cast("Mapping[str, Any]", part).get("input_audio")
        data = cast("Mapping[str, Any]", audio).get("data") if isinstance(audio, Mapping) else None
        if isinstance(data, str):
            return _PART_CHARACTERS + -(-len(data) // AUDIO_CHARACTERS_PER_TOKEN)
    allowed = _ALLOWED.get(kind) if isinstance(kind, str) else None
    return _size(part) if allowed is None else int(getattr(allowances, allowed))


def _embedding_tokens(body: Mapping[str, Any]) -> int:
    """Ids of tokens count exactly, text by its bytes."""
    given = body.get("input")
    if isinstance(given, list) and given:
        first = cast("list[Any]", given)[0]
        if isinstance(first, int | float):
            return len(cast("list[Any]", given))
        if isinstance(first, list):
            return sum(len(ids) for ids in cast("list[list[Any]]", given))
    return _size(given)


def _size(value: Any) -> int:
    return len(to_json(value))
