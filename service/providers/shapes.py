"""JSON from outside as what it should be, or as an empty one of it: nothing here ever raises."""

from __future__ import annotations

from typing import Any, cast


def as_object(value: object) -> dict[str, Any]:
    """The JSON object, or an empty one where the value is something else."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """The JSON array, or an empty one where the value is something else."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def as_text(value: object) -> str:
    """The string, or an empty one where the value is something else."""
    return value if isinstance(value, str) else ""


def without_half_surrogates(value: object) -> object:
    """The same JSON value; a half of a surrogate pair, which UTF-8 cannot carry, becomes `?`.

    JSON can spell one as an escape; in a log record or a span it would spoil the whole batch.
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode(errors="replace").decode()
    if isinstance(value, list):
        return [without_half_surrogates(item) for item in as_list(cast("object", value))]
    if isinstance(value, dict):
        found = as_object(cast("object", value)).items()
        return {str(without_half_surrogates(k)): without_half_surrogates(v) for k, v in found}
    return value


def as_count(value: object) -> int:
    """The number as a whole one from 0; 0 where the value is negative or something else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        return 0
    return int(value)
