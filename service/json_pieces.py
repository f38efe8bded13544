"""Writes a large JSON value in pieces, for a thread beside the event loop.

One call into C for the whole value keeps the interpreter to itself until it is done; here none
sees more than a slice of a text, or some thousand numbers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from pydantic_core import to_json

_CHARACTERS: Final = 64 * 1024
_ITEMS: Final = 1024
_PIECE: Final = 4096
"""Small parts that are joined to one piece."""
Nested = Mapping[str, Any] | list[Any]
_PLAIN: Final = frozenset({int, float, bool, type(None)})


def json_text(value: Any) -> bytes:
    """JSON text in UTF-8 without spaces, in one go. Half of a surrogate pair becomes an escape."""
    try:
        return to_json(value)
    except ValueError:
        return json.dumps(value, separators=(",", ":")).encode()


def in_key_order(value: Any) -> Any:
    """The same value with the keys of all objects in order: equal ones are then written alike."""
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {key: in_key_order(members[key]) for key in sorted(members)}
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return (
            items if _PLAIN.issuperset(map(type, items)) else [in_key_order(one) for one in items]
        )
    return value


def digest_of(value: Any, *, in_slices: bool) -> bytes:
    """The SHA-256 of a value's JSON, the same in whatever order its keys are."""
    ordered = in_key_order(value)
    digest = hashlib.sha256()
    for piece in json_pieces(ordered) if in_slices else (json_text(ordered),):
        digest.update(piece)
    return digest.digest()


def json_pieces(value: Any) -> Iterator[bytes]:
    """The pieces that together are the JSON that `json_text` gives."""
    parts: list[bytes] = []
    # What is open: the parts of what nests deep do not pass through all the levels above.
    levels: list[Iterator[bytes | Nested]] = [_parts(value)]
    while levels:
        for part in levels[-1]:
            if not isinstance(part, bytes):
                levels.append(_parts(part))
                break
            parts.append(part)
            if len(parts) >= _PIECE or len(part) >= _CHARACTERS:
                yield b"".join(parts)
                parts.clear()
        else:
            levels.pop()
    yield b"".join(parts)


def _parts(value: Any) -> Iterator[bytes | Nested]:
    """The text of a value up to what is nested in it, and that in its place."""
    if isinstance(value, str):
        yield from _text(value)
    elif isinstance(value, Mapping):
        yield b"{"
        comma = b""
        for key, member in cast("Mapping[str, Any]", value).items():
            yield comma
            yield from _text(key)
            yield b":"
            yield from _text(member) if isinstance(member, str) else _nested(member)
            comma = b","
        yield b"}"
    elif isinstance(value, list):
        yield b"["
        yield from _items(cast("list[Any]", value))
        yield b"]"
    else:
        yield json_text(value)


def _items(items: list[Any]) -> Iterator[bytes | Nested]:
    for start in range(0, len(items), _ITEMS):
        some = items[start : start + _ITEMS]
        if start:
            yield b","
        if _PLAIN.issuperset(map(type, some)):
            yield json_text(some)[1:-1]
            continue
        for place, item in enumerate(some):
            if place:
                yield b","
            yield from _text(item) if isinstance(item, str) else _nested(item)


def _nested(value: Any) -> tuple[bytes | Nested]:
    return (cast("Nested", value) if isinstance(value, Mapping | list) else json_text(value),)


def _text(value: str) -> Iterator[bytes]:
    if len(value) <= _CHARACTERS:
        yield json_text(value)
        return
    yield b'"'
    for start in range(0, len(value), _CHARACTERS):
        yield json_text(value[start : start + _CHARACTERS])[1:-1]
    yield b'"'
