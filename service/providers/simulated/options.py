"""What the targets file may say about a simulated target."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from service.providers.control import Milliseconds, Status

Rate = Annotated[float, Field(ge=0, le=1)]


class FaultRates(BaseModel):
    """How often an attempt goes wrong, each in [0, 1]; `status` by HTTP status."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    status: dict[Status, Rate] = {}
    down: Rate = 0.0
    hang: Rate = 0.0
    malformed: Rate = 0.0
    cut: Rate = 0.0


class RateLimits(BaseModel):
    """Requests and tokens a minute that answers tell of; the simulation never refuses by them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    requests: Annotated[int, Field(ge=1, le=10**9)] | None = None
    tokens: Annotated[int, Field(ge=1, le=10**12)] | None = None


class SimulatedOptions(BaseModel):
    """Latencies are milliseconds and vary with the prompt from half to one and a half of these.

    `latency_ms`: until an answer begins; `token_ms`: each output token from then on, the pace of a
    stream and the length of a plain answer. `retry_after`: seconds in a 429's or 503's
    `Retry-After`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    seed: int = 0
    latency_ms: Milliseconds = 40.0
    token_ms: Milliseconds = 1.0
    retry_after: Annotated[float, Field(ge=0, le=86_400)] | None = 1.0
    dimensions: Annotated[int, Field(ge=1, le=4096)] = 256
    faults: FaultRates = FaultRates()
    rate_limits: RateLimits = RateLimits()
