"""One client request as the ledger takes it: plain data, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

# What kind of service an operation is part of: the grain of the admin pages.
SERVICES: Mapping[str, str] = {
    "chat": "llm",
    "text_completion": "llm",
    "embeddings": "embeddings",
    "speech": "tts",
    "transcription": "stt",
}
TOKEN_KINDS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "input_audio_tokens",
    "output_audio_tokens",
    "input_image_tokens",
    "output_image_tokens",
)
"""Tokens by kind; cached, audio and image ones are inside input or output, as in `Usage`."""

Unit = Literal["usd", "tokens", "requests"]


def _no_counts() -> Mapping[str, int]:
    return {}


@dataclass(frozen=True, slots=True)
class Charge:
    """What a request adds to one budget's window, and the reservation that this replaces.

    `key` is the window's hash in Redis (`service.budgets` names it), `amount` in the budget's unit
    (picodollars, tokens or requests), `lease` the id of its reservation, None where none was made.
    `expires_at` is when the window may be forgotten, in milliseconds since the epoch: it is set
    where the hash has no such time yet. 0 sets none. `most_users`: of a user's window, how many
    users are told apart; what others use is counted under `_OTHER`. 0 where it is of no user.
    """

    key: str
    amount: int
    lease: str | None = None
    expires_at: int = 0
    most_users: int = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """One client request that reached a target, the response cache, or failed on the way there.

    `id` is unique for ever (32 hexadecimal digits) and makes recording idempotent. `asked_at` is
    the moment it was asked in milliseconds since the epoch: it decides price, hour, day and month.
    `user` is the keyed hash of OpenAI's `user` field. `tokens` holds the counts that are not 0, by
    `TOKEN_KINDS`. `cost`, `saved_by_response_cache` and `saved_by_prompt_cache` are picodollars;
    `cost` is None where the model has no known price. `error` is the error's code, None on success.
    """

    id: str
    asked_at: int
    trace_id: str
    operation: str
    provider: str
    model: str
    target: str
    app: str
    user: str | None
    component: str | None
    outcome: str
    latency_us: int
    error: str | None = None
    stream: bool = False
    estimated: bool = False
    cache_hit: bool = False
    tokens: Mapping[str, int] = field(default_factory=_no_counts)
    characters: int = 0
    milliseconds: int = 0
    """Of audio, for speech to text."""
    cost: int | None = 0
    saved_by_response_cache: int = 0
    saved_by_prompt_cache: int = 0
    charges: tuple[Charge, ...] = ()

    @property
    def service(self) -> str:
        """The kind of service it used; an operation that is not known is its own kind."""
        return SERVICES.get(self.operation, self.operation)


class Numbered(NamedTuple):
    """An entry and its number among its writer's, which ascends."""

    number: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class ChargeState:
    """A budget's window after a charge: amounts in the budget's unit."""

    key: str
    spent: int
    reserved: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of an entry.

    `applied`: it is in Redis; `duplicate`: it had been before; `journaled`: it is on disk until
    Redis is back; `dropped`: the journal was full, and that was counted.
    """

    outcome: Literal["applied", "duplicate", "journaled", "dropped"]
    charges: tuple[ChargeState, ...] = ()
