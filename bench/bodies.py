"""Bodies that are as large as the service takes, made so that they are much work: shapes of attack.

And some that are as large because somebody needs them so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

CHAT: Final = "/v1/chat/completions"
EMBEDDINGS: Final = "/v1/embeddings"
LARGEST: Final = 4 * 2**20
"""Bytes; the default of GAUGEWAY_MAX_BODY_BYTES."""
_ROOM: Final = LARGEST - 512
_MESSAGES: Final = b'"messages":[{"role":"user","content":"hi"}]'


@dataclass(frozen=True, slots=True)
class Shape:
    """One body: what `make` gives is sent to `path`, and answered with `status`."""

    path: str
    make: Callable[[], bytes]
    status: int


def _many(part: bytes, count: int | None = None) -> bytes:
    """So many of it, or as many as fit, with commas between them."""
    return b",".join([part] * (count or _ROOM // (len(part) + 1)))


def _numbered(pattern: str, most: int | None = None) -> bytes:
    """`pattern` with a number in it, again and again until the body is full."""
    parts: list[bytes] = []
    left = _ROOM
    while left > 0 and (most is None or len(parts) < most):
        parts.append((pattern % len(parts)).encode())
        left -= len(parts[-1]) + 1
    return b",".join(parts[:-1] if left < 0 else parts)


def _chat(fields: bytes, model: str = "simulated") -> bytes:
    return b'{"model":"%s","max_tokens":5,%s}' % (model.encode(), fields)


def _with(field: bytes) -> bytes:
    """A right request with one field more."""
    return _chat(_MESSAGES + b"," + field)


def _content(content: bytes, model: str = "simulated") -> bytes:
    return _chat(b'"messages":[{"role":"user","content":%s}]' % content, model)


def _embed(given: bytes, more: bytes = b"") -> bytes:
    return b'{"model":"simulated-embedding","input":%s%s}' % (given, more)


def _listed(parts: bytes) -> bytes:
    return b"[" + parts + b"]"


def _object(parts: bytes) -> bytes:
    return b"{" + parts + b"}"


def _text(part: bytes) -> bytes:
    return b'"' + part * ((_ROOM - 64) // len(part)) + b'"'


def _deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def _written(fields: Mapping[str, Any]) -> bytes:
    return json.dumps({"model": "simulated", "max_tokens": 5, **fields}).encode()


def _conversation(turns: int, characters: int) -> bytes:
    words = ("Where were we? " * (characters // 15 + 1))[:characters]
    roles = ("user", "assistant")
    return _written(
        {"messages": [{"role": roles[turn % 2], "content": words} for turn in range(turns)]}
    )


def _tool_conversation(turns: int) -> bytes:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "Look it up."}]
    for turn in range(turns):
        call = {"id": f"call_{turn}", "type": "function"}
        function = {"name": "look", "arguments": '{"what": "up", "how": ["far", 3]}'}
        messages.append(
            {"role": "assistant", "content": None, "tool_calls": [{**call, "function": function}]}
        )
        messages.append({"role": "tool", "tool_call_id": f"call_{turn}", "content": "found it"})
    return _written({"messages": messages})


def _tools(count: int) -> bytes:
    properties = {f"field_{n}": {"type": "string", "description": "A field."} for n in range(10)}
    parameters = {"type": "object", "properties": properties, "required": list(properties)}
    tools = [
        {"type": "function", "function": {"name": f"do_{n}", "parameters": parameters}}
        for n in range(count)
    ]
    return _written({"messages": [{"role": "user", "content": "hi"}], "tools": tools})


def _images(count: int) -> bytes:
    image = {"url": "data:image/png;base64," + "iVBORw0KGgo+" * (_ROOM // count // 12 - 20)}
    parts = [{"type": "image_url", "image_url": image} for _ in range(count)]
    return _written({"messages": [{"role": "user", "content": parts}]})


def _schema(properties: int) -> bytes:
    schema = {"type": "object", "properties": {f"p{n}": {"$ref": "#"} for n in range(properties)}}
    form = {"type": "json_schema", "json_schema": {"name": "s", "schema": schema}}
    return _written({"messages": [{"role": "user", "content": "hi"}], "response_format": form})


ATTACKS: Final[Mapping[str, Shape]] = {
    "wrong token ids, model unknown": Shape(
        EMBEDDINGS, lambda: b'{"model":"zzz","input":[%s]}' % _many(b"-1", 900_000), 400
    ),
    "wrong values in logit_bias": Shape(
        CHAT, lambda: _with(b'"logit_bias":{%s}' % _numbered('"%d":9e9', 280_000)), 400
    ),
    "fewer wrong values in logit_bias": Shape(
        CHAT, lambda: _with(b'"logit_bias":{%s}' % _numbered('"%d":9e9', 95_000)), 400
    ),
    "empty lists in an unknown field": Shape(
        CHAT, lambda: _with(b'"x":[%s]' % _many(b"[]", 1_300_000)), 400
    ),
    "empty content parts": Shape(CHAT, lambda: _content(_listed(_many(b"{}", 1_300_000))), 400),
    "a million token ids": Shape(EMBEDDINGS, lambda: _embed(_listed(_many(b"1", 1_000_000))), 400),
    "as many content parts as are taken": Shape(
        CHAT, lambda: _content(_listed(_many(b"{}", 79_000))), 200
    ),
    "as many parts with a key as are taken": Shape(
        CHAT, lambda: _content(_listed(_many(b'{"a":1}', 49_000))), 200
    ),
    "as many lists as are taken, 190 deep": Shape(
        CHAT, lambda: _with(b'"x":[%s]' % _many(_deep(190), 525)), 200
    ),
    "lists, 190 deep": Shape(CHAT, lambda: _with(b'"x":[%s]' % _many(_deep(190))), 400),
    "lists, 400 deep": Shape(CHAT, lambda: _with(b'"x":[%s]' % _many(_deep(400))), 400),
    "one list, never closed": Shape(CHAT, lambda: b"[" * LARGEST, 400),
    "keys": Shape(CHAT, lambda: _with(_numbered('"%d":1')), 400),
    "as many keys as are taken": Shape(CHAT, lambda: _with(_numbered('"%d":1', 97_000)), 200),
    "the same key": Shape(CHAT, lambda: _with(_many(b'"a":1', 97_000)), 200),
    "as many keys in one message as are taken": Shape(
        CHAT,
        lambda: _chat(
            b'"messages":[{"role":"user","content":"hi",%s}]' % _numbered('"%d":1', 97_000)
        ),
        200,
    ),
    "messages": Shape(
        CHAT, lambda: _chat(b'"messages":[%s]' % _many(b'{"role":"user","content":""}')), 400
    ),
    "messages without a role": Shape(
        CHAT, lambda: _chat(b'"messages":[%s]' % _many(b"{}", 9_999)), 400
    ),
    "stop sequences": Shape(CHAT, lambda: _with(b'"stop":[%s]' % _many(b'"a"', 390_000)), 400),
    "tools": Shape(CHAT, lambda: _with(b'"tools":[%s]' % _many(b"{}", 79_000)), 400),
    "tool calls": Shape(
        CHAT,
        lambda: _chat(
            b'"messages":[{"role":"assistant","content":"x","tool_calls":[%s]}]'
            % _many(b'{"function":{}}', 30_000)
        ),
        200,
    ),
    "metadata": Shape(CHAT, lambda: _with(b'"metadata":%s' % _object(_numbered('"k%d":"v"'))), 400),
    "a schema that refers to itself": Shape(CHAT, lambda: _schema(40), 200),
    "a schema of many fields": Shape(CHAT, lambda: _schema(25_000), 200),
    "zeros and ones as floats": Shape(
        CHAT, lambda: _with(b'"x":[%s]' % _many(b"1e5", 390_000)), 200
    ),
    "long floats": Shape(CHAT, lambda: _with(b'"x":[%s]' % _many(b"-1.2345678901e-300")), 200),
    "numbers of four thousand digits": Shape(
        CHAT, lambda: _with(b'"x":[%s]' % _many(b"9" * 4_000)), 400
    ),
    "a number of four million digits": Shape(
        CHAT, lambda: _with(b'"x":%s' % (b"9" * (_ROOM - 64))), 400
    ),
    "runs of 199 digits": Shape(CHAT, lambda: _content(_text(b"9" * 199 + b"x")), 200),
    "what looks like exponents": Shape(CHAT, lambda: _content(_text(b"e123 ")), 200),
    "exponents, and many numbers": Shape(
        CHAT, lambda: _with(b'"y":"e999","x":[%s]' % _many(b"1", 390_000)), 200
    ),
    "escapes of NUL": Shape(CHAT, lambda: _content(_text(b"\\u0000")), 200),
    "ends of lines": Shape(CHAT, lambda: _content(_text(b"\\n")), 200),
    "backslashes": Shape(CHAT, lambda: _content(_text(b"\\\\")), 200),
    "quotes": Shape(CHAT, lambda: _content(_text(b'\\"')), 200),
    "JSON in a text": Shape(CHAT, lambda: _content(_text(b'{\\"a\\": [1, 2]}, ')), 200),
    "emoji": Shape(CHAT, lambda: _content(_text("😀".encode())), 200),
    "half a text": Shape(CHAT, lambda: _content(_text(b"x")[:-1]), 400),
    "white space": Shape(CHAT, lambda: _with(b'"x":%s1' % (b" " * (_ROOM - 64))), 200),
    "short texts to embed": Shape(EMBEDDINGS, lambda: _embed(_listed(_many(b'"a"', 390_000))), 400),
    "2048 texts of two thousand letters": Shape(
        EMBEDDINGS, lambda: _embed(_listed(_many(b'"' + b"ab " * 660 + b'"', 2_048))), 400
    ),
    "token ids in lists of one": Shape(
        EMBEDDINGS, lambda: _embed(_listed(_many(b"[1]", 75_000))), 400
    ),
    "token ids written as floats": Shape(
        EMBEDDINGS, lambda: _embed(_listed(_many(b"1.0", 390_000))), 200
    ),
    "a thousand empty texts, 4096 dimensions": Shape(
        EMBEDDINGS, lambda: _embed(_listed(_many(b'""', 1_000)), b',"dimensions":4096'), 200
    ),
    "a hundred choices": Shape(
        CHAT,
        lambda: _written(
            {"messages": [{"role": "user", "content": "hi"}], "n": 128, "max_tokens": None}
        ),
        200,
    ),
    "a stream of a hundred choices": Shape(
        CHAT,
        lambda: _written(
            {
                "messages": [{"role": "user", "content": "hi"}],
                "n": 128,
                "stream": True,
                "max_tokens": None,
            }
        ),
        200,
    ),
    "arguments of tool calls, for Anthropic": Shape(
        CHAT,
        lambda: _chat(
            b'"messages":[{"role":"assistant","content":"x","tool_calls":[%s]}]'
            % _many(
                b'{"id":"a","function":{"name":"f","arguments":"{\\"a\\":[%s]}"}}'
                % _many(b"[]", 20_000),
                60,
            ),
            "claude",
        ),
        400,
    ),
    "parts, for Anthropic": Shape(
        CHAT,
        lambda: _content(_listed(_many(b'{"type":"text","text":"x"}', 30_000)), "claude"),
        200,
    ),
    "parts, for OpenAI": Shape(
        CHAT,
        lambda: _content(_listed(_many(b'{"type":"text","text":"x"}', 30_000)), "gpt"),
        200,
    ),
}

NEEDED: Final[Mapping[str, Shape]] = {
    "a prompt of four megabytes": Shape(
        CHAT, lambda: _content(_text(b"The quick brown fox, ")), 200
    ),
    "the same, for OpenAI": Shape(
        CHAT, lambda: _content(_text(b"The quick brown fox, "), "gpt"), 200
    ),
    "the same, for Anthropic": Shape(
        CHAT, lambda: _content(_text(b"The quick brown fox, "), "claude"), 200
    ),
    "ten thousand messages": Shape(CHAT, partial(_conversation, 10_000, 300), 200),
    "three thousand calls of tools": Shape(CHAT, partial(_tool_conversation, 3_000), 200),
    "a thousand tools": Shape(CHAT, partial(_tools, 1_000), 200),
    "four images": Shape(CHAT, partial(_images, 4), 200),
    "300 biased tokens": Shape(
        CHAT, lambda: _with(b'"logit_bias":{%s}' % _numbered('"%d":-100', 300)), 200
    ),
    "300,000 token ids": Shape(
        EMBEDDINGS, lambda: _embed(_listed(_many(_listed(_many(b"100200", 146)), 2_048))), 200
    ),
    "300,000 token ids of one text": Shape(
        EMBEDDINGS, lambda: _embed(_listed(_many(b"100200", 300_000))), 200
    ),
    "2048 texts": Shape(
        EMBEDDINGS, lambda: _embed(_listed(_many(b'"' + b"some words " * 60 + b'"', 2_048))), 200
    ),
}


def shapes() -> Iterable[tuple[str, Shape]]:
    """All of them by name."""
    return {**ATTACKS, **NEEDED}.items()
