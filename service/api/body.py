"""Reads a request's body up to a limit and parses it as strict JSON."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, cast

from pydantic_core import from_json
from starlette.requests import ClientDisconnect
from starlette.types import Receive

from service.errors import InvalidJson, InvalidRequest, RequestTooLarge, UnsupportedMediaType

_TOO_LARGE = "The request body is larger than the {limit:,} bytes this service takes."
_MEDIA_TYPE = "Send the body as 'Content-Type: application/json', in UTF-8 and not compressed."
# Only a number as long as these can overflow a double, so only then are numbers looked at.
# Digits are counted from their first one alone, not again from each.
_LONG_NUMBER = re.compile(rb"[eE]\+?[0-9]{3}|(?<![0-9])[0-9]{200}")
_CHARSET = re.compile(r"charset\s*=\s*\"?([^\s\";]+)")


async def read_json_object(
    receive: Receive, headers: Mapping[str, str], *, limit: int
) -> dict[str, Any]:
    """The body as a JSON object. Raises what is wrong with it, as a 4xx."""
    _require_json(headers)
    return parse_json_object(await _read(receive, headers.get("content-length", ""), limit))


def parse_json_object(raw: bytes) -> dict[str, Any]:
    """Parse strictly: UTF-8, at most 200 levels, no NaN or Infinity, no half surrogates.

    Of a key given twice the last value counts, and only that one is passed on.
    """
    try:
        value = from_json(raw, allow_inf_nan=False, cache_strings="keys")
    except ValueError as error:
        raise InvalidJson(f"The request body is not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise InvalidRequest("The request body must be a JSON object.")
    if _LONG_NUMBER.search(raw) is not None:
        _require_finite(cast("object", value))
    return cast("dict[str, Any]", value)


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
            return parts[0] if len(parts) == 1 else b"".join(parts)


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
