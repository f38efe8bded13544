"""Reads a long JSON text in slices, for a thread beside the event loop.

A parser that is one call into C keeps the interpreter to itself until the whole text is read. Here
no call sees more than a window of it: what fits into one is parsed there, what is longer is entered
and read part by part.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

from pydantic_core import from_json

from service.json_weight import weigh

WINDOW: Final = 32 * 1024
_FIRST_TRY: Final = 16
"""Most values are short: the first attempt sees a part of the window, so many times smaller."""
_DEEPEST: Final = 200
_MISSED: Final = object()
"""What an attempt to parse gives where the value does not end within its window."""

_SPACE = re.compile(rb"[ \t\n\r]*+")
_FLAT = re.compile(rb'[^\[\]{}"]*+')
_SCALAR = re.compile(rb"[-+.0-9A-Za-z]*+")
# Whole characters and whole escapes; both halves of a pair are one.
_TEXT = re.compile(
    rb'(?:[^"\\]++|\\(?:["\\/bfnrt]|u(?:(?![dD][89abAB])[0-9a-fA-F]{4}'
    rb"|[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})))*+"
)
_IN_NUMBERS: Final = b"0123456789+-.eE, \t\n\r"
_HALF = re.compile(rb"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})")
_LONGEST_ESCAPE: Final = 12


class JsonTextError(ValueError):
    """The text is not JSON; the message says what is wrong and where."""


class TooManyValuesError(ValueError):
    """There are more values in the text than may be kept."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a text is read.

    `strict`: as `from_json` does, with neither NaN nor half a surrogate pair; else as `json` does.
    `most`: values that may be kept, weighed as in `service.json_weight`. `left_out`: values of
    these keys may be read as None, and of their numbers no more is seen than that they are some.
    `window`: bytes that one call sees.
    """

    strict: bool = False
    most: int | None = None
    left_out: frozenset[str] = frozenset()
    window: int = WINDOW


def read_json(raw: bytes, reading: Reading) -> Any:
    """The value of a whole text. Raises `JsonTextError` or `TooManyValuesError`."""
    reader = _Reader(raw, reading)
    try:
        value = reader.value(0, keep=True)
        reader.end()
    except UnicodeDecodeError:
        raise JsonTextError("it is not UTF-8") from None
    except RecursionError:
        raise JsonTextError("it nests too deep") from None
    return value


class _Reader:
    """Reads one text from its beginning; `_at` is the byte it has come to."""

    def __init__(self, raw: bytes, reading: Reading) -> None:
        self._raw = raw
        self._strict = reading.strict
        self._left = reading.most
        self._left_out = reading.left_out
        self._left_out_keys = tuple(f'"{key}"'.encode() for key in reading.left_out)
        self._window = reading.window
        self._at = 0
        self._missed = 0
        self._decoder = json.JSONDecoder()

    def end(self) -> None:
        """Nothing may follow."""
        self._skip_space()
        if self._at < len(self._raw):
            raise self._wrong("nothing more")

    def value(self, depth: int, *, keep: bool) -> Any:
        """The value that begins here; None for one that is not kept, where it is long."""
        first = self._next()
        if first == b'"':
            return self._text(keep=keep)
        if first not in (b"{", b"["):
            return self._scalar()
        if keep or first == b"{":
            found = self._within_window(depth, keep=keep)
            if found is not _MISSED:
                return found
        if depth >= _DEEPEST:
            raise JsonTextError(f"it nests deeper than {_DEEPEST} levels")
        self._at += 1
        self._count(4, keep=keep)
        return self._members(depth, keep) if first == b"{" else self._items(depth, keep)

    def _members(self, depth: int, keep: bool) -> dict[str, Any] | None:
        found: dict[str, Any] = {}
        if self._next() == b"}":
            self._at += 1
            return found if keep else None
        while True:
            if self._next() != b'"':
                raise self._wrong("a key in double quotes")
            key = self._text(keep=True)
            if self._next() != b":":
                raise self._wrong("':'")
            self._at += 1
            self._count(4, keep=keep)
            kept = keep and key not in self._left_out
            value = self.value(depth + 1, keep=kept)
            if keep:
                found[key] = value
            if self._closed(b"}"):
                return found if keep else None

    def _items(self, depth: int, keep: bool) -> list[Any] | None:
        found: list[Any] = []
        if self._next() == b"]":
            self._at += 1
            return found if keep else None
        while True:
            for run in self._runs(keep):
                found += run if keep else ()
            value = self.value(depth + 1, keep=keep)
            self._count(1, keep=keep)
            if keep:
                found.append(value)
            if self._closed(b"]"):
                return found if keep else None

    def _closed(self, bracket: bytes) -> bool:
        """Whether the container ends here; else a comma is passed over."""
        sign = self._next()
        if sign not in (b",", bracket):
            raise self._wrong(f"',' or '{bracket.decode()}'")
        self._at += 1
        return sign == bracket

    def _runs(self, keep: bool) -> Iterator[list[Any]]:
        """Numbers and the like that follow here, each time up to a comma."""
        while True:
            limit = self._at + self._window
            match = cast("re.Match[bytes]", _FLAT.match(self._raw, self._at, limit))
            end = self._raw.rfind(b",", self._at, match.end())
            if end < 0:
                return
            part = self._raw[self._at : end]
            if keep or part.translate(None, _IN_NUMBERS):
                run = cast("list[Any]", self._parsed(b"[" + part + b"]"))
                if not run:
                    raise self._wrong("a value")
                self._count(len(run), keep=keep)
                yield run
            self._at = end + 1

    def _within_window(self, depth: int, *, keep: bool) -> Any:
        """The container that begins here, if it ends soon."""
        if self._missed > 4 * len(self._raw):
            return _MISSED  # Nested so that most attempts are in vain.
        for size in (self._window // _FIRST_TRY, self._window):
            part = self._raw[self._at : self._at + size]
            if keep and any(key in part for key in self._left_out_keys):
                break
            # Half a character at the end is left for later.
            text, _ = codecs.utf_8_decode(part, "strict", False)
            try:
                value, end = self._decoder.raw_decode(text)
            except ValueError:
                self._missed += size
                continue
            if not text.isascii():
                end = len(text[:end].encode())
            part = part[:end]
            if keep and self._left is not None:
                self._count(weigh(part, most=self._left).values, keep=True)
            if self._strict:
                # So far only its end was looked for.
                value = self._parsed(part)
                if part.count(b"[") + part.count(b"{") > _DEEPEST - depth:
                    _require_depth(value, _DEEPEST - depth)
            self._at += end
            return value if keep else None
        return _MISSED

    def _scalar(self) -> Any:
        limit = self._at + WINDOW  # No number is that long.
        match = cast("re.Match[bytes]", _SCALAR.match(self._raw, self._at, limit))
        if not match[0]:
            raise self._wrong("a value")
        value = self._parsed(match[0])
        self._at = match.end()
        return value

    def _text(self, *, keep: bool) -> str:
        raw, start = self._raw, self._at + 1
        parts: list[str] = []
        while True:
            end = self._end_of_text(start)
            if raw[end : end + 1] == b'"':
                parts.append(self._decoded(start, end))
                self._at = end + 1
                return "".join(parts) if keep else ""
            half = None if self._strict else _HALF.match(raw, end)
            if half is not None:
                end = half.end()
            elif end == len(raw) or end < start + self._window - _LONGEST_ESCAPE:
                self._at = end
                raise self._wrong("the end of a text, or an escape that JSON has")
            else:
                for _ in range(3):
                    end -= raw[end] & 0xC0 == 0x80  # A character that the slice would cut.
            part = self._decoded(start, end)
            if keep:
                parts.append(part)
            start = end

    def _end_of_text(self, start: int) -> int:
        """Where the text ends or the slice does, or what is no character and no escape begins."""
        limit = start + self._window
        quote = self._raw.find(b'"', start, limit)
        plain = min(limit, len(self._raw)) if quote < 0 else quote
        if self._raw.find(b"\\", start, plain) < 0:
            return plain
        return cast("re.Match[bytes]", _TEXT.match(self._raw, start, limit)).end()

    def _decoded(self, start: int, end: int) -> str:
        self._at = start
        return cast("str", self._parsed(b'"' + self._raw[start:end] + b'"'))

    def _parsed(self, part: bytes) -> Any:
        """A value that ends with the part, which begins here."""
        try:
            if self._strict:
                return from_json(part, allow_inf_nan=False, cache_strings="keys")
            return json.loads(part.decode())
        except UnicodeDecodeError:
            raise
        except ValueError as error:
            what = re.split(r" at line |: line ", str(error))[0]
            raise JsonTextError(f"{what}, in what begins at byte {self._at + 1}") from None

    def _count(self, values: int, *, keep: bool) -> None:
        if keep and self._left is not None:
            self._left -= values
            if self._left < 0:
                raise TooManyValuesError

    def _next(self) -> bytes:
        """The next byte that is no white space; it is not passed over."""
        self._skip_space()
        return self._raw[self._at : self._at + 1]

    def _skip_space(self) -> None:
        while True:
            limit = self._at + self._window
            self._at = cast("re.Match[bytes]", _SPACE.match(self._raw, self._at, limit)).end()
            if self._at < limit:
                return

    def _wrong(self, expected: str) -> JsonTextError:
        return JsonTextError(f"expected {expected} at byte {self._at + 1}")


def _require_depth(value: Any, most: int) -> None:
    """Raise `JsonTextError` where a value nests deeper than that."""
    level = [value]
    for _ in range(most):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += cast("dict[str, Any]", item).values()
            elif isinstance(item, list):
                below += cast("list[Any]", item)
        if not below:
            return
        level = below
    if any(isinstance(item, dict | list) for item in level):
        raise JsonTextError(f"it nests deeper than {_DEEPEST} levels")
