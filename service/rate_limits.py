"""What a provider says of its own limits, whatever its wire format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RateLimitKind = Literal["requests", "tokens", "input_tokens", "output_tokens"]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """One limit as an answer told it; `limit` is None where only what is left was told."""

    kind: RateLimitKind
    remaining: int
    limit: int | None = None
