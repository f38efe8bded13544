"""What a provider's headers say about trying again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

MAXIMUM = 86_400.0
"""Seconds; a longer wait is told as this one, so that no arithmetic on it overflows."""


def retry_after_seconds(headers: Mapping[str, str], *, now: float) -> float | None:
    """Seconds to wait from `Retry-After-Ms` or `Retry-After` (seconds or an HTTP date).

    `now` is Unix seconds. None where the header is missing or says nothing that can be read; a
    date in the past is 0.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return min(milliseconds / 1000, MAXIMUM)
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None:
        return min(seconds, MAXIMUM)
    return None if value is None else _until(value, now)


def should_retry(headers: Mapping[str, str]) -> bool | None:
    """What OpenAI's and Anthropic's `x-should-retry` asks for, None where it is not sent."""
    value = headers.get("x-should-retry")
    return {"true": True, "false": False}.get(value.lower()) if value else None


def _number(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    # NaN compares false, so it is refused together with negative numbers.
    return number if number >= 0 else None


def _until(value: str, now: float) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max(0.0, moment.timestamp() - now), MAXIMUM)
