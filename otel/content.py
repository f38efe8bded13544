"""Turns captured messages into the bounded, redacted JSON string the conventions ask for."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from otel.redaction import CUT, redact, redact_beginning

_DEEPEST: Final = 64


def content_attribute(messages: object, limit: int) -> str:
    """Write messages as JSON of at most `limit` characters, credentials hidden.

    A longer one is cut before it is written and redacted, so that neither takes longer than the
    limit allows; it says so, and is then no longer valid JSON.
    """
    beginning = _Beginning(limit + 1).of(messages)
    text = json.dumps(beginning, ensure_ascii=False, separators=(",", ":"))
    if len(text) <= limit:
        text = redact(text)
        if len(text) <= limit:
            return text
    room = max(0, limit - len(CUT))
    return redact_beginning(text[:room])[:room] + CUT


class _Beginning:
    """Copies as much of a value as so many characters of JSON can hold, and never much more."""

    def __init__(self, characters: int) -> None:
        self._room = characters

    def of(self, value: object, depth: int = 0) -> Any:
        """Return the value's beginning; the room is counted as JSON needs it at the least."""
        if value is None or isinstance(value, bool | int | float):
            self._room -= 1
            return value
        if isinstance(value, Mapping):
            return self._mapping(cast(Mapping[object, object], value), depth + 1)
        if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
            return self._sequence(cast(Sequence[object], value), depth + 1)
        return self._text(value if isinstance(value, str) else str(value))

    def _text(self, text: str) -> str:
        kept = text[: max(0, self._room)]
        self._room -= len(kept) + 2
        return kept

    def _mapping(self, mapping: Mapping[object, object], depth: int) -> dict[str, Any] | str:
        self._room -= 2
        if depth > _DEEPEST:
            return CUT
        found: dict[str, Any] = {}
        for key, value in mapping.items():
            if self._room <= 0:
                break
            found[self._text(str(key))] = self.of(value, depth)
        return found

    def _sequence(self, items: Sequence[object], depth: int) -> list[Any] | str:
        self._room -= 2
        if depth > _DEEPEST:
            return CUT
        found: list[Any] = []
        for item in items:
            if self._room <= 0:
                break
            found.append(self.of(item, depth))
        return found
