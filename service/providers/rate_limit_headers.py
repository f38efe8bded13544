"""What a provider's headers say of its limits: OpenAI's names, which most use, and Anthropic's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.rate_limits import RateLimit, RateLimitKind

MAXIMUM_DIGITS = 15
"""A double, as metrics are, holds whole numbers of so many digits exactly."""


@dataclass(frozen=True, slots=True)
class HeaderNames:
    """The two headers that tell of one limit."""

    kind: RateLimitKind
    remaining: str
    limit: str


def _openai(kind: RateLimitKind) -> HeaderNames:
    return HeaderNames(kind, f"x-ratelimit-remaining-{kind}", f"x-ratelimit-limit-{kind}")


def _anthropic(kind: RateLimitKind) -> HeaderNames:
    prefix = f"anthropic-ratelimit-{kind.replace('_', '-')}"
    return HeaderNames(kind, f"{prefix}-remaining", f"{prefix}-limit")


OPENAI = (_openai("requests"), _openai("tokens"))
ANTHROPIC = (
    _anthropic("requests"),
    _anthropic("tokens"),
    _anthropic("input_tokens"),
    _anthropic("output_tokens"),
)


def rate_limits_of(
    headers: Mapping[str, str], names: Sequence[HeaderNames]
) -> tuple[RateLimit, ...]:
    """The limits that the headers tell; one whose rest is missing or no number is left out."""
    found: list[RateLimit] = []
    for name in names:
        remaining = _count(headers.get(name.remaining))
        if remaining is not None:
            found.append(RateLimit(name.kind, remaining, _count(headers.get(name.limit))))
    return tuple(found)


def _count(value: str | None) -> int | None:
    if value is None or len(value) > MAXIMUM_DIGITS or not (value.isascii() and value.isdigit()):
        return None
    return int(value)
