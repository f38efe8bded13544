"""Reads a request's body up to a limit and parses it as strict JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from pydantic_core import from_json
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from service.aside import aside_if
from service.errors import InvalidJson, InvalidRequest, RequestTooLarge, UnsupportedMediaType
from service.json_reader import Reading, read_json
from service.json_weight import LIGHT, Weight, outside_texts

_TOO_LARGE = "The request body is larger than the {limit:,} bytes this service takes."
_MEDIA_TYPE = "Send the body as 'Content-Type: application/json', in UTF-8 and not compressed."
_CHARSET = re.compile(r"charset\s*=\s*\"?([^\s\";]+)")
_DIGITS_ALIKE: Final = bytes.maketrans(b"123456789E", b"000000000e")
_MANY: Final = b"0" * 200
_EXPONENT: Final = b"e000"
_SIGNED_EXPONENT: Final = b"e+000"
"""Only a number as long as these can overflow a double, so only then are numbers looked at."""
_ENDLESS: Final = b"0" * 1000
_SLICE: Final = 2**20


async def read_body(receive: Receive, headers: Mapping[str, str], *, limit: int) -> bytes:
    """The body as it was sent. Raises what is wrong with it, as a 4xx."""
    _require_json(headers)
    return await _read(receive, headers.get("content-length", ""), limit)


def parse_json_object(raw: bytes, weight: Weight = LIGHT) -> dict[str, Any]:
    """Parse strictly: UTF-8, at most 200 levels, no NaN or Infinity, no half surrogates.

    Of a key given twice the last value counts, and only that one is passed on.
    """
    numbers = _long_numbers(raw)
    if numbers.endless and any(_ENDLESS in _alike(part) for part in outside_texts(raw)):
        raise InvalidJson(f"The request body holds a number of {len(_ENDLESS):,} digits or more.")
    try:
        value = _parsed(raw, weight)
    except ValueError as error:
        raise InvalidJson(f"The request body is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise InvalidRequest("The request body must be a JSON object.")
    if numbers.large:
        _require_finite(cast("object", value))
    return cast("dict[str, Any]", value)


def _parsed(raw: bytes, weight: Weight) -> Any:
    if weight.huge:
        return read_json(raw, Reading(strict=True))
    # More different keys than its cache has room for would only wear it out.
    strings = "none" if weight.heavy else "keys"
    return from_json(raw, allow_inf_nan=False, cache_strings=strings)


@dataclass(frozen=True, slots=True)
class _LongNumbers:
    """Whether a text may hold numbers, or texts like them, that have to be looked for.

    `large`: too large for a double. `endless`: so long that each takes a part of a millisecond.
    """

    large: bool = False
    endless: bool = False


_SHORT_NUMBERS: Final = _LongNumbers()


def _long_numbers(raw: bytes) -> _LongNumbers:
    """Each byte is looked at a fixed number of times, whatever the others are."""
    large = endless = False
    for start in range(0, len(raw), _SLICE):
        part = _alike(raw[start : start + _SLICE + len(_ENDLESS)])
        large = large or _MANY in part or _EXPONENT in part or _SIGNED_EXPONENT in part
        endless = endless or _ENDLESS in part
    return _LongNumbers(large, endless) if large else _SHORT_NUMBERS


def _alike(part: bytes) -> bytes:
    return part.translate(_DIGITS_ALIKE)


def _require_json(headers: Mapping[str, str]) -> None:
    declared = headers.get("content-type")
    if declared is not None and not _is_json(declared):
        raise UnsupportedMediaType(_MEDIA_TYPE)
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType(_MEDIA_TYPE)


def _is_json(declared: str) -> bool:
    if declared == "application/json":
        return True
    media_type, _, parameters = declared.lower().partition(";")
    kind, _, subtype = media_type.strip().partition("/")
    charset = _CHARSET.search(parameters)
    return (
        kind == "application"
        and (subtype == "json" or subtype.endswith("+json"))
        and (charset is None or charset[1] in ("utf-8", "utf8", "us-ascii"))
    )


async def _read(receive: Receive, declared: str, limit: int) -> bytes:
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > limit:
        raise RequestTooLarge(_TOO_LARGE.format(limit=limit))
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > limit:
            raise RequestTooLarge(_TOO_LARGE.format(limit=limit))
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else await aside_if(size > _SLICE, b"".join, parts)


def _require_finite(value: object) -> None:
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, Mapping):
            pending.extend(cast("Mapping[str, object]", item).values())
        elif isinstance(item, list):
            pending.extend(cast("list[object]", item))
        elif isinstance(item, float) and not math.isfinite(item):
            raise InvalidJson("The request body holds a number too large for JSON's doubles.")
