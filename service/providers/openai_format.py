"""OpenAI's answers, chunks and errors as OpenAI and those who speak its format really send them."""

from __future__ import annotations

from typing import Any

from service.providers.answer_text import parse_answer
from service.providers.failures import Failure
from service.providers.protocol import AttributeValue, Chunk, Completion
from service.providers.shapes import as_list, as_object, as_text
from service.providers.usage import openai_usage

# What an error that comes inside an answer of status 200 would have had as its status.
STATUS_BY_WORD = {
    "insufficient_quota": 429,
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "content_filter": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "overloaded": 503,
    "overloaded_error": 503,
    "service_unavailable": 503,
    "server_error": 500,
}


class WrongShapeError(ValueError):
    """JSON that is not what OpenAI's format says it is."""


def completion_of(body: dict[str, Any], encoded: bytes, *, operation: str) -> Completion:
    """A chat or embeddings answer; raises `WrongShapeError` for anything else.

    Only what the service itself relies on is looked at.
    """
    if operation == "embeddings":
        if not isinstance(body.get("data"), list):
            raise WrongShapeError
    elif not isinstance(body.get("choices"), list):
        raise WrongShapeError
    for item in as_list(body.get("choices")):
        if not as_object(as_object(item).get("message")):
            raise WrongShapeError
    reasons = (
        as_text(as_object(item).get("finish_reason")) for item in as_list(body.get("choices"))
    )
    return Completion(
        body=body,
        usage=openai_usage(body.get("usage")),
        model=as_text(body.get("model")) or None,
        id=as_text(body.get("id")) or None,
        finish_reasons=tuple(reason for reason in reasons if reason),
        attributes=attributes_of(body),
        encoded=encoded,
    )


def chunk_of(body: dict[str, Any], encoded: bytes, *, first: bool) -> Chunk:
    """One chunk of a chat answer; the attributes are those of the first one.

    Raises `WrongShapeError` where the choices are not what they should be.
    """
    characters = 0
    reasons: list[str] = []
    for item in as_list(body.get("choices")):
        choice = as_object(item)
        delta = as_object(choice.get("delta"))
        if (choice.get("delta") and not delta) or not isinstance(choice.get("index", 0), int):
            raise WrongShapeError
        characters += output_characters(delta)
        reason = choice.get("finish_reason")
        if isinstance(reason, str) and reason:
            reasons.append(reason)
    usage = body.get("usage")
    return Chunk(
        data=body,
        content=characters > 0,
        characters=characters,
        usage=openai_usage(usage) if usage else None,
        finish_reasons=tuple(reasons),
        attributes=attributes_of(body) if first or usage else {},
        encoded=encoded,
    )


def output_characters(delta: dict[str, Any]) -> int:
    """Characters of output in a delta: text, refusal, reasoning and tool calls."""
    characters = 0
    # OpenRouter and others send the same thought under two names; it is one output.
    thought = delta.get("reasoning_content") or delta.get("reasoning")
    for text in (delta.get("content"), delta.get("refusal"), thought):
        if isinstance(text, str):
            characters += len(text)
    for call in as_list(delta.get("tool_calls")):
        function = as_object(as_object(call).get("function"))
        characters += len(as_text(function.get("name"))) + len(as_text(function.get("arguments")))
    return characters


def attributes_of(body: dict[str, Any]) -> dict[str, AttributeValue]:
    """The span attributes in an answer or a chunk."""
    found: dict[str, AttributeValue] = {}
    for name in ("service_tier", "system_fingerprint"):
        value = body.get(name)
        if isinstance(value, str) and value:
            found[f"openai.response.{name}"] = value
    return found


def failure_in(body: dict[str, Any]) -> Failure | None:
    """The error inside an answer or chunk of status 200, None where it carries none."""
    if "error" not in body or not body["error"]:
        return None
    return _failure(500, body, inside=True)


def failure_of(status: int, text: bytes) -> Failure:
    """What an error answer says: OpenAI's shape, vLLM's, Ollama's, or any text at all."""
    try:
        body = as_object(parse_answer(text))
    except ValueError:
        return Failure(status, _first_words(text))
    return _failure(status, body, inside=False)


def _failure(status: int, body: dict[str, Any], *, inside: bool) -> Failure:
    error: object = body.get("error") or body
    if isinstance(error, str):
        return Failure(status, error)
    fields = as_object(error)
    words = [as_text(fields.get("code")), as_text(fields.get("type"))]
    if inside:
        status = _inner_status(fields.get("code"), words, status)
    metadata = as_object(fields.get("metadata"))
    if status == 403 and ("flagged_input" in metadata or metadata.get("reasons")):
        # OpenRouter's moderation: a 403 that is about the request, not about the key.
        status, words = 400, ["content_policy_violation"]
    message = as_text(fields.get("message")) or as_text(fields.get("detail"))
    upstream = as_text(metadata.get("raw"))
    return Failure(
        status,
        f"{message} ({upstream})" if message and upstream else message,
        code=next((word for word in words if word), None),
        param=as_text(fields.get("param")) or None,
    )


def _inner_status(code: object, words: list[str], default: int) -> int:
    if isinstance(code, str) and code.isascii() and code.isdigit():
        code = int(code)
    if isinstance(code, int) and 400 <= code <= 599:
        return code
    return next((STATUS_BY_WORD[word] for word in words if word in STATUS_BY_WORD), default)


def _first_words(text: bytes) -> str:
    """An error page's text is of use only where it is short and not HTML."""
    words = text[:500].decode("utf-8", "replace").strip()
    return "" if words.startswith("<") else words
