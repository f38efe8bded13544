"""An OpenAI chat body as a request of Anthropic's Messages API.

What the Messages API has no word for and what does not change the meaning (seed, penalties,
logprobs, user metadata) is left out, as Anthropic's own compatible endpoint does; what would
change the meaning is refused with `ProviderUnsupported`, so that another target may take it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from service.errors import ProviderRejected, ProviderUnsupported
from service.json_reader import Reading, read_json
from service.json_weight import weigh
from service.providers.answer_text import LONG_TEXT, MAXIMUM_VALUES
from service.providers.shapes import as_list, as_object, as_text

_WRONG_DATA_URL = "An image's data URL must be of the form data:image/png;base64,…."
_WRONG_ARGUMENTS = "The arguments of a tool call in 'messages' are not a JSON object."
_TOO_MANY_ARGUMENTS = (
    f"The arguments of the tool calls in 'messages' hold more than {MAXIMUM_VALUES:,} JSON values. "
    "Leave the oldest calls out."
)
_DEEP = 100


def messages_request(
    body: Mapping[str, Any], *, model: str, max_tokens: int, target: str
) -> dict[str, Any]:
    """The request without `stream`; `max_tokens` is used where the body sets no limit."""
    if body.get("n") not in (None, 1):
        raise _unsupported("more than one choice ('n' above 1)", "n", target)
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or max_tokens
    arguments = _Arguments()
    system, messages = _conversation(as_list(body.get("messages")), target, arguments)
    request: dict[str, Any] = {"model": model, "max_tokens": limit, "messages": messages}
    if system:
        request["system"] = system
    temperature = body.get("temperature")
    if isinstance(temperature, int | float):
        # OpenAI's scale goes to 2, Anthropic's to 1; Anthropic caps it the same way.
        request["temperature"] = min(temperature, 1)
    if body.get("top_p") is not None:
        request["top_p"] = body["top_p"]
    stop = body.get("stop")
    if stop:
        request["stop_sequences"] = [stop] if isinstance(stop, str) else stop
    _add_tools(request, body, target)
    _add_format(request, as_object(body.get("response_format")), target)
    return request


def _conversation(
    items: list[Any], target: str, arguments: _Arguments
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """System blocks, and messages in which the two roles take turns."""
    system: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = []
    for item in items:
        message = as_object(item)
        role = as_text(message.get("role"))
        if role in ("system", "developer"):
            system += _blocks(message.get("content"), target)
            continue
        if role == "tool":
            turn, blocks = "user", [_tool_result(message, target)]
        elif role == "assistant":
            turn, blocks = "assistant", _assistant_blocks(message, target, arguments)
        else:
            turn, blocks = "user", _blocks(message.get("content"), target)
        if not blocks:
            continue
        if messages and messages[-1]["role"] == turn:
            messages[-1]["content"] += blocks
        else:
            messages.append({"role": turn, "content": blocks})
    return system, messages


def _blocks(content: object, target: str) -> list[dict[str, Any]]:
    if isinstance(content, str):
        # The Messages API refuses empty text.
        return [{"type": "text", "text": content}] if content else []
    blocks = (_block(as_object(part), target) for part in as_list(content))
    return [block for block in blocks if block]


def _block(part: dict[str, Any], target: str) -> dict[str, Any]:
    kind = part.get("type")
    if kind == "text":
        text = as_text(part.get("text"))
        block: dict[str, Any] = {"type": "text", "text": text} if text else {}
    elif kind == "refusal":
        block = {"type": "text", "text": as_text(part.get("refusal"))}
    elif kind == "image_url":
        url = as_text(as_object(part.get("image_url")).get("url"))
        block = {"type": "image", "source": _image_source(url)}
    else:
        quoted = f"content of type '{str(kind)[:32]}'"
        raise _unsupported(quoted, "messages", target, "a type of content")
    if block and "cache_control" in part:
        block["cache_control"] = part["cache_control"]
    return block


def _image_source(url: str) -> dict[str, str]:
    if not url.startswith("data:"):
        return {"type": "url", "url": url}
    head, comma, data = url.removeprefix("data:").partition(",")
    media_type, _, encoding = head.partition(";")
    if not comma or encoding != "base64" or not media_type:
        raise ProviderRejected(
            _WRONG_DATA_URL,
            code="invalid_image_url",
            param="messages",
            own_words=_WRONG_DATA_URL,
        )
    return {"type": "base64", "media_type": media_type, "data": data}


def _assistant_blocks(
    message: dict[str, Any], target: str, arguments: _Arguments
) -> list[dict[str, Any]]:
    blocks = _blocks(message.get("content"), target)
    for item in as_list(message.get("tool_calls")):
        call = as_object(item)
        function = as_object(call.get("function"))
        blocks.append(
            {
                "type": "tool_use",
                "id": as_text(call.get("id")),
                "name": as_text(function.get("name")),
                "input": arguments.read(as_text(function.get("arguments"))),
            }
        )
    return blocks


class _Arguments:
    """Reads the arguments of tool calls: JSON in texts, which weighed nothing in the body."""

    def __init__(self) -> None:
        self._left = MAXIMUM_VALUES

    def read(self, text: str) -> dict[str, Any]:
        """The object that a text is. Raises `ProviderRejected`."""
        raw = text.encode(errors="replace")
        self._left -= weigh(raw, most=MAXIMUM_VALUES).values
        if self._left < 0:
            raise _wrong_arguments(_TOO_MANY_ARGUMENTS)
        try:
            value: object = _object(raw) if raw.strip() else {}
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise _wrong_arguments(_WRONG_ARGUMENTS)
        return as_object(value)  # pyright: ignore[reportUnknownArgumentType] - JSON


def _wrong_arguments(words: str) -> ProviderRejected:
    return ProviderRejected(words, code="invalid_tool_arguments", param="messages", own_words=words)


def _object(raw: bytes) -> object:
    # How deep it nests is seen only by the parser that is strict.
    if len(raw) > LONG_TEXT or raw.count(b"[") + raw.count(b"{") > _DEEP:
        return read_json(raw, Reading(strict=True))
    return json.loads(raw)


def _tool_result(message: dict[str, Any], target: str) -> dict[str, Any]:
    content = message.get("content")
    return {
        "type": "tool_result",
        "tool_use_id": as_text(message.get("tool_call_id")),
        "content": content if isinstance(content, str) else _blocks(content, target),
    }


def _add_tools(request: dict[str, Any], body: Mapping[str, Any], target: str) -> None:
    tools = [_tool(as_object(item), target) for item in as_list(body.get("tools"))]
    if not tools:
        return
    request["tools"] = tools
    choice = _tool_choice(body.get("tool_choice"))
    if body.get("parallel_tool_calls") is False and choice["type"] != "none":
        choice["disable_parallel_tool_use"] = True
    request["tool_choice"] = choice


def _tool(tool: dict[str, Any], target: str) -> dict[str, Any]:
    if tool.get("type") != "function":
        raise _unsupported("tools other than functions", "tools", target)
    function = as_object(tool.get("function"))
    found: dict[str, Any] = {
        "name": as_text(function.get("name")),
        "input_schema": function.get("parameters") or {"type": "object", "properties": {}},
    }
    if function.get("description"):
        found["description"] = function["description"]
    if function.get("strict"):
        found["strict"] = True
    return found


def _tool_choice(choice: object) -> dict[str, Any]:
    if choice == "none":
        return {"type": "none"}
    if choice == "required":
        return {"type": "any"}
    name = as_text(as_object(as_object(choice).get("function")).get("name"))
    return {"type": "tool", "name": name} if name else {"type": "auto"}


def _add_format(request: dict[str, Any], form: dict[str, Any], target: str) -> None:
    kind = form.get("type")
    if kind == "json_schema":
        schema = as_object(form.get("json_schema")).get("schema")
        request["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    elif kind not in (None, "text"):
        raise _unsupported(
            f"the response format '{str(kind)[:32]}' (use json_schema)", "response_format", target
        )


def _unsupported(what: str, param: str, target: str, own: str = "") -> ProviderUnsupported:
    """The error; `own` says what in other words, where it quotes the request."""
    return ProviderUnsupported(
        f"The target '{target}' does not support {what}.",
        param=param,
        own_words=f"The target '{target}' does not support {own or what}.",
    )
