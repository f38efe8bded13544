"""Answers and events of Anthropic's Messages API as OpenAI's chat answers and chunks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from service.providers.answer_text import parse_answer
from service.providers.failures import Failure
from service.providers.protocol import Chunk, Completion
from service.providers.shapes import as_count, as_list, as_object, as_text, believable
from service.providers.usage import usage_body
from service.tokens import Usage

FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
# What an error event would have had as its status.
_STATUS_BY_TYPE = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}


def completion_of(message: dict[str, Any], *, created: int) -> Completion:
    """A whole answer."""
    content = [as_object(block) for block in as_list(message.get("content"))]
    text = "".join(as_text(block.get("text")) for block in content if block.get("type") == "text")
    calls = [_tool_call(block) for block in content if block.get("type") == "tool_use"]
    reason = finish_reason(message.get("stop_reason")) or "stop"
    answer: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": None}
    if calls:
        answer["tool_calls"] = calls
    elif not text:
        answer["content"] = ""
    usage = usage_of(as_object(message.get("usage")))
    body: dict[str, Any] = {
        **_head(message, created, "chat.completion"),
        "choices": [{"index": 0, "message": answer, "logprobs": None, "finish_reason": reason}],
    }
    if usage is not None:
        body["usage"] = usage_body(usage)
    return Completion(body, usage, body["model"] or None, body["id"] or None, (reason,))


def finish_reason(value: object) -> str | None:
    """OpenAI's word for why an answer ends; None while it has not."""
    return FINISH_REASONS.get(value, "stop") if isinstance(value, str) else None


def usage_of(usage: dict[str, Any]) -> Usage | None:
    """Anthropic counts cached input beside the rest; here, as everywhere, it is inside input."""
    read = as_count(usage.get("cache_read_input_tokens"))
    written = as_count(usage.get("cache_creation_input_tokens"))
    told = usage.get("input_tokens"), usage.get("output_tokens")
    if told == (None, None) or not believable(*told, read, written):
        return None
    output = as_count(usage.get("output_tokens"))
    by_lifetime = as_object(usage.get("cache_creation"))
    thinking = as_object(usage.get("output_tokens_details")).get("thinking_tokens")
    return Usage(
        input_tokens=as_count(usage.get("input_tokens")) + read + written,
        output_tokens=output,
        cache_read_tokens=read,
        cache_write_tokens=written,
        cache_write_1h_tokens=min(as_count(by_lifetime.get("ephemeral_1h_input_tokens")), written),
        reasoning_tokens=min(as_count(thinking), output),
    )


def failure_of(status: int, text: bytes) -> Failure:
    """What an error answer says."""
    try:
        body = as_object(parse_answer(text))
    except ValueError:
        return Failure(status)
    error = as_object(body.get("error"))
    return Failure(status, as_text(error.get("message")), as_text(error.get("type")) or None)


def failure_in(event: dict[str, Any]) -> Failure:
    """What an `error` event says."""
    error = as_object(event.get("error"))
    kind = as_text(error.get("type"))
    return Failure(_STATUS_BY_TYPE.get(kind, 500), as_text(error.get("message")), kind or None)


class ChunkTranslator:
    """One stream's events in, OpenAI's chunks out; usage is gathered as it comes."""

    def __init__(self, *, created: int, include_usage: bool) -> None:
        self._created = created
        self._include_usage = include_usage
        self._head: dict[str, Any] = {}
        self._usage: dict[str, Any] = {}
        self._tools: dict[int, int] = {}
        self.finished = False

    def translate(self, kind: str, event: dict[str, Any]) -> Iterator[Chunk]:
        """The chunks, mostly one or none, that an event of this type becomes."""
        if kind == "content_block_delta":
            yield from self._delta(event.get("index"), as_object(event.get("delta")))
        elif kind == "content_block_start":
            yield from self._block(event.get("index"), as_object(event.get("content_block")))
        elif kind == "message_start":
            message = as_object(event.get("message"))
            self._head = _head(message, self._created, "chat.completion.chunk")
            self._usage = as_object(message.get("usage"))
            yield self._chunk({"role": "assistant", "content": ""})
        elif kind == "message_delta":
            # Counts here are of the whole message so far; null means no news.
            news = as_object(event.get("usage")).items()
            self._usage = {**self._usage, **{k: v for k, v in news if v is not None}}
            reason = finish_reason(as_object(event.get("delta")).get("stop_reason"))
            if reason:
                yield self._chunk({}, finish=reason)
        elif kind == "message_stop":
            self.finished = True
            yield from self._end()

    def _block(self, index: object, block: dict[str, Any]) -> Iterator[Chunk]:
        if block.get("type") == "tool_use":
            position = self._tools[as_count(index)] = len(self._tools)
            name = as_text(block.get("name"))
            function = {"name": name, "arguments": ""}
            identity = as_text(block.get("id"))
            call = {"index": position, "id": identity, "type": "function", "function": function}
            yield self._chunk({"tool_calls": [call]}, characters=len(name))
        elif block.get("type") == "text" and block.get("text"):
            yield self._text(as_text(block["text"]))

    def _delta(self, index: object, delta: dict[str, Any]) -> Iterator[Chunk]:
        kind = delta.get("type")
        if kind == "text_delta":
            yield self._text(as_text(delta.get("text")))
        elif kind == "input_json_delta":
            piece = as_text(delta.get("partial_json"))
            position = self._tools.get(as_count(index))
            if piece and position is not None:
                call = {"index": position, "function": {"arguments": piece}}
                yield self._chunk({"tool_calls": [call]}, characters=len(piece))

    def _end(self) -> Iterator[Chunk]:
        usage = usage_of(self._usage)
        if usage is not None and self._include_usage:
            yield Chunk({**self._head, "choices": [], "usage": usage_body(usage)}, usage=usage)

    def _text(self, text: str) -> Chunk:
        return self._chunk({"content": text}, characters=len(text))

    def _chunk(
        self, delta: dict[str, Any], *, characters: int = 0, finish: str | None = None
    ) -> Chunk:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return Chunk(
            {**self._head, "choices": [choice]},
            content=characters > 0,
            characters=characters,
            finish_reasons=(finish,) if finish else (),
        )


def _head(message: dict[str, Any], created: int, kind: str) -> dict[str, Any]:
    return {
        "id": as_text(message.get("id")),
        "object": kind,
        "created": created,
        "model": as_text(message.get("model")),
    }


def _tool_call(block: dict[str, Any]) -> dict[str, Any]:
    arguments = json.dumps(block.get("input") or {}, ensure_ascii=False)
    function = {"name": as_text(block.get("name")), "arguments": arguments}
    return {"id": as_text(block.get("id")), "type": "function", "function": function}
