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


MOST_TOKENS = 10**9
"""A hundred times what any inference can use: a larger count is a provider's mistake."""


def believable(*counts: object) -> bool:
    """Whether token counts can be billed: none is negative or absurd, and one at least above 0.

    One that is missing counts as 0. What cannot be billed must not pass for an answer that cost
    nothing: it is estimated.
    """
    told = [count for count in counts if count is not None]
    fits = all(
        isinstance(count, int | float) and not isinstance(count, bool) and 0 <= count <= MOST_TOKENS
        for count in told
    )
    return fits and any(told)


def as_count(value: object) -> int:
    """The number as a whole one from 0; 0 where the value is negative or something else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    if not 0 <= value <= MOST_TOKENS:
        return 0
    return int(value)
