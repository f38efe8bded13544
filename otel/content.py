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
    beginning = _Beginning(limit)
    text = json.dumps(beginning.of(messages), ensure_ascii=False, separators=(",", ":"))
    if beginning.whole and len(text) <= limit:
        text = redact(text)
        if len(text) <= limit:
            return text
    room = max(0, limit - len(CUT))
    return redact_beginning(text[:room])[:room] + CUT


class _Beginning:
    """Copies as much of a value as so many characters of JSON can hold, and never much more.

    `whole` says whether that was all of it.
    """

    def __init__(self, characters: int) -> None:
        self._room = characters
        self.whole = True

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
        self.whole = self.whole and len(kept) == len(text)
        self._room -= len(kept) + 2
        return kept

    def _mapping(self, mapping: Mapping[object, object], depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._room -= 2
        for key, value in mapping.items():
            # A key that was cut is not to take the place of another one.
            if not self._fits(depth) or (name := self._text(str(key))) in found:
                self.whole = False
                break
            found[name] = self.of(value, depth)
        return found

    def _sequence(self, items: Sequence[object], depth: int) -> list[Any]:
        found: list[Any] = []
        self._room -= 2
        for item in items:
            if not self._fits(depth):
                self.whole = False
                break
            found.append(self.of(item, depth))
        return found

    def _fits(self, depth: int) -> bool:
        return self._room > 0 and depth <= _DEEPEST
