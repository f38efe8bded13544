"""How far one client request has come, over all the targets it is tried at."""

from __future__ import annotations

from dataclasses import dataclass

from service.accounts import Account
from service.exchange import CacheResult, ModelRequest
from service.interruption import Interruption


@dataclass(frozen=True, slots=True)
class CacheUse:
    """What the response cache does for a request.

    `key` is None where it may not be used; `max_age` is the oldest answer accepted, in seconds.
    """

    result: CacheResult
    key: str | None = None
    max_age: int = 0


@dataclass(slots=True)
class Progress:
    """One request under way. `provider_seconds` counts targets that have been given up."""

    request: ModelRequest
    account: Account
    interruption: Interruption
    cache: CacheUse
    attempts: int = 0
    provider_seconds: float = 0.0
