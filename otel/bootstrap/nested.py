"""Cleans values with values inside them, of which callers choose depth, number and length."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, cast

from otel.redaction import CUT, MASK

_DEEPEST: Final = 16


class NestedCleaner:
    """Cleans one nested value and cuts it: so many characters in all, 16 levels.

    `text` cleans a string; `secret` says whether a value under a key is hidden whatever it is. A
    value in which nothing is cleaned or cut is returned as the very same object.
    """

    def __init__(
        self, text: Callable[[str], str], secret: Callable[[str], bool], *, characters: int
    ) -> None:
        self._text = text
        self._secret = secret
        self._room = characters

    def value(self, value: Any, depth: int = 0) -> Any:
        """Return the value cleaned; what does not fit any more is one mark that says so."""
        self._room -= 1
        if isinstance(value, str):
            return self._string(value)
        if isinstance(value, (bytes, bytearray)):
            return self._bytes(bytes(value))
        if isinstance(value, Mapping):
            return self._mapping(cast(Mapping[str, Any], value), depth + 1)
        if isinstance(value, Sequence):
            return self._sequence(cast(Sequence[Any], value), depth + 1)
        return value

    def _string(self, value: str) -> str:
        self._room -= len(value)
        return self._text(value)

    def _bytes(self, value: bytes) -> bytes:
        self._room -= len(value)
        written = value.decode("utf-8", "replace")
        cleaned = self._text(written)
        return value if cleaned == written else cleaned.encode()

    def _mapping(self, mapping: Mapping[str, Any], depth: int) -> Any:
        if depth > _DEEPEST:
            return CUT
        cleaned: dict[str, Any] = {}
        same = True
        for key, item in mapping.items():
            if self._room <= 0:
                cleaned[CUT] = CUT
                return cleaned
            kept = self._string(str(key))
            cleaned[kept] = MASK if self._secret(kept) else self.value(item, depth)
            same = same and kept == key and cleaned[kept] is item
        return mapping if same else cleaned

    def _sequence(self, items: Sequence[Any], depth: int) -> Any:
        if depth > _DEEPEST:
            return CUT
        cleaned: list[Any] = []
        for item in items:
            if self._room <= 0:
                cleaned.append(CUT)
                return cleaned
            cleaned.append(self.value(item, depth))
        same = all(a is b for a, b in zip(cleaned, items, strict=True))
        return items if same else cleaned
