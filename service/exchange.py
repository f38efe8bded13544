"""What goes into the gateway and what comes out of it, apart from HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import uuid4

from service.bill import Bill
from service.budgets.lease import NO_LEASE, Lease
from service.cache import DEFAULT_DIRECTIVE, CacheDirective
from service.json_weight import LIGHT, Weight
from service.providers.control import SimulateControl
from service.tokens import estimate_input_tokens

NO_TRACE = "0" * 32
CacheResult = Literal["hit", "miss", "bypass", "off"]


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One validated request for a model.

    `body` is OpenAI-shaped and as the client sent it. `started` is on `time.perf_counter`,
    `deadline` on the event loop's clock. `component` is None where the caller named none. `id` is
    unique for ever, `user` the keyed hash of the user that the body names. `weight` is the body's;
    of a heavy one `input_tokens` were estimated beforehand, where nothing waited for it.
    """

    operation: Literal["chat", "embeddings"]
    model: str
    body: Mapping[str, Any]
    app: str
    started: float
    deadline: float
    component: str | None = None
    stream: bool = False
    cache: CacheDirective = DEFAULT_DIRECTIVE
    simulate: SimulateControl | None = None
    id: str = field(default_factory=lambda: uuid4().hex)
    trace_id: str = NO_TRACE
    user: str | None = None
    weight: Weight = LIGHT
    input_tokens: int | None = None

    @property
    def estimated_input_tokens(self) -> int:
        """Input tokens as far as the body tells."""
        known = self.input_tokens
        return estimate_input_tokens(self.body) if known is None else known

    @property
    def include_usage(self) -> bool:
        """Whether the client asked to see the chunk that carries a stream's usage."""
        options = self.body.get("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True  # pyright: ignore[reportUnknownMemberType] - JSON object


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer: JSON text, what it cost, what the cache did, and the provider's part.

    `provider_seconds` is the time spent at providers, all targets tried together; `lease` says
    what is left of the budgets that concern the request.
    """

    encoded: bytes
    bill: Bill
    cache: CacheResult
    provider_seconds: float = 0.0
    lease: Lease = NO_LEASE
