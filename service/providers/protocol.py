"""What a provider is to the rest of the service: one attempt in, one answer or one stream out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from service.json_weight import LIGHT, Weight
from service.providers.control import SimulateControl
from service.rate_limits import RateLimit
from service.tokens import Usage

AttributeValue = str | bool | int | float | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, between two bytes of the answer, and for the whole attempt."""

    connect: float = 5.0
    read: float = 60.0
    total: float = 300.0


@dataclass(frozen=True, slots=True)
class Call:
    """One attempt.

    `body` is OpenAI-shaped and validated; the provider sends `model` in place of the body's, and
    `stream` follows from the method that is called. `stream_options` is set by the gateway.
    `attempt` counts from 1 over the whole client request, fallback targets included. `headers` are
    sent along with the target's own. `weight` is that of the client's body.
    """

    operation: str
    model: str
    body: Mapping[str, Any]
    timeout: Timeouts = field(default_factory=Timeouts)
    target: str = ""
    attempt: int = 1
    simulate: SimulateControl | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    weight: Weight = LIGHT


@dataclass(frozen=True, slots=True)
class Completion:
    """A whole answer, OpenAI-shaped.

    `encoded` is the answer's JSON text, exactly as the provider sent it where it speaks OpenAI's
    format, for forwarding without serialising again; None where it is yet to be written. Of a long
    answer's `body` the log probabilities and embeddings may be missing, but not of `encoded`.
    `usage` is None where the provider did not tell. `attributes` are span attributes.
    `rate_limits` is what the answer told of the provider's limits.
    """

    body: dict[str, Any]
    usage: Usage | None
    model: str | None
    id: str | None
    finish_reasons: tuple[str, ...]
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict[str, AttributeValue])
    encoded: bytes | None = None
    rate_limits: tuple[RateLimit, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """One OpenAI `chat.completion.chunk`.

    `content`: it carries output (text, refusal or tool call). `characters`: how many of them, for
    the estimate of a cut stream. `usage_only`: it exists only because `include_usage` was asked
    for, so a client who did not ask does not get it. `attributes` is set on the first chunk, and
    again on one that adds something. `encoded` and `rate_limits` as in `Completion`; the latter on
    the first chunk.
    """

    data: dict[str, Any]
    content: bool = False
    characters: int = 0
    usage: Usage | None = None
    finish_reasons: tuple[str, ...] = ()
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict[str, AttributeValue])
    encoded: bytes | None = None
    rate_limits: tuple[RateLimit, ...] = ()

    @property
    def usage_only(self) -> bool:
        """Whether the chunk carries usage and nothing else."""
        return self.usage is not None and not self.data.get("choices")


class Provider(Protocol):
    """One target's wire format. Raises only what is in `service.errors`."""

    async def complete(self, call: Call) -> Completion:
        """Answer a chat or embeddings call as a whole."""
        ...

    def stream(self, call: Call) -> AsyncGenerator[Chunk, None]:
        """Answer a chat call in chunks.

        The first `__anext__` raises if the request itself failed; a later one raises
        `ProviderStreamInterrupted`, `ProviderTimeout` or what the provider says mid-stream. The
        generator ends only after the provider's own end mark. `aclose()` closes the upstream
        connection at once.
        """
        ...

    async def check(self) -> None:
        """Raise `ProviderError` unless the provider can be reached; cheap, bounded by 5 s."""
        ...
