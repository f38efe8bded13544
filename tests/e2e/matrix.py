"""The signal matrix as data: for each scenario, what every backend must hold, and nothing else.

Each scenario has a model and targets of its own, so that its series begin at nothing and no
scenario sees another's. What a row does not list must be absent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from otel import names
from otel.names import Metric

PRICES = {"input": "0.15", "output": "0.60"}
"""USD per million tokens of every simulated model of the matrix."""


class Fact(Enum):
    """A number that only the answer tells."""

    INPUT_TOKENS = "its input tokens"
    OUTPUT_TOKENS = "its output tokens"
    CHUNK_GAPS = "its content chunks less one"
    SOME = "at least one"


class Cost(Enum):
    """Where a scenario's cost can be read."""

    ANSWERED = "the same exact amount in the answer, the usage record, the span and the counter"
    ESTIMATED = "the same, marked estimated; not in an answer that nobody was there to read"
    NONE = "nowhere"


@dataclass(frozen=True, slots=True)
class Moved:
    """A metric with the scenario's model (or `labels` alone) and by how much it has moved."""

    metric: Metric
    by: int | Fact
    labels: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Inference:
    """One CLIENT inference span and its usage record; also one exemplar."""

    target: str = "first"
    outcome: str = "completed"
    error_type: str | None = None
    retries: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One row. `body` and `headers` are added to the request; targets are named by their role."""

    name: str
    status: int = 200
    operation: str = "chat"
    stream: bool = False
    leave_after_chunks: int | None = None
    twice: bool = False
    key: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    targets: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {"first": {"provider": "simulated"}}
    )
    inferences: tuple[Inference, ...] = (Inference(),)
    moved: tuple[Moved, ...]
    shared: tuple[Moved, ...] = ()
    cost: Cost = Cost.ANSWERED

    @property
    def model(self) -> str:
        """The model that only this scenario asks for, which is also its label."""
        return f"matrix-{self.name}"

    def target(self, role: str) -> str:
        """The configured name of one of its targets."""
        return f"{self.name}-{role}"


def _completed(*more: Moved, inferences: int = 1) -> tuple[Moved, ...]:
    return (
        Moved(names.OPERATION_DURATION, inferences),
        Moved(names.TOKEN_USAGE, 2),
        Moved(names.INPUT_TOKENS, Fact.INPUT_TOKENS),
        Moved(names.OUTPUT_TOKENS, Fact.OUTPUT_TOKENS),
        *more,
    )


def _failed(error_type: str, *more: Moved) -> tuple[Moved, ...]:
    return (
        Moved(names.OPERATION_DURATION, 1, {"error_type": error_type}),
        Moved(names.INPUT_TOKENS, 0),
        Moved(names.OUTPUT_TOKENS, 0),
        *more,
    )


def _simulate(**wish: object) -> dict[str, str]:
    return {"x-gaugeway-simulate": json.dumps(wish)}


_DOWN = {
    "provider": "openai",
    "provider_name": "down",
    "base_url": "http://127.0.0.1:1/v1",
    "retries": {"attempts": 2, "base_delay": 0.05},
}

SCENARIOS = (
    Scenario(name="plain", moved=_completed()),
    Scenario(
        name="streaming",
        stream=True,
        moved=_completed(
            Moved(names.STREAMS, 1, {"gaugeway_stream_outcome": "completed"}),
            Moved(names.TIME_TO_FIRST_CHUNK, 1),
            Moved(names.TIME_PER_OUTPUT_CHUNK, Fact.CHUNK_GAPS),
        ),
    ),
    Scenario(
        name="embeddings",
        operation="embeddings",
        moved=(
            Moved(names.OPERATION_DURATION, 1),
            Moved(names.TOKEN_USAGE, 1, {"gen_ai_token_type": "input"}),
            Moved(names.INPUT_TOKENS, Fact.INPUT_TOKENS),
        ),
    ),
    Scenario(
        name="retry",
        headers=_simulate(status=429, times=1, retry_after=0.1),
        inferences=(Inference(retries=1),),
        moved=_completed(
            Moved(names.RETRIES, 1, {"error_type": "rate_limited"}),
            Moved(
                names.PROVIDER_ERRORS,
                1,
                {"http_response_status_code": "429", "error_type": "rate_limited"},
            ),
        ),
    ),
    Scenario(
        name="fallback",
        headers=_simulate(status=500, target="fallback-first"),
        targets={
            "first": {"provider": "simulated", "retries": {"attempts": 1}},
            "second": {"provider": "simulated"},
        },
        inferences=(
            Inference(outcome="provider_error", error_type="failed"),
            Inference(target="second"),
        ),
        moved=_completed(
            Moved(
                names.PROVIDER_ERRORS,
                1,
                {"http_response_status_code": "500", "error_type": "failed"},
            ),
            inferences=2,
        ),
        shared=(
            Moved(
                names.FALLBACKS,
                1,
                {
                    "gaugeway_fallback_from": "fallback-first",
                    "gaugeway_fallback_to": "fallback-second",
                },
            ),
        ),
    ),
    Scenario(
        name="provider_down",
        status=502,
        targets={"first": _DOWN},
        inferences=(Inference(outcome="provider_error", error_type="unreachable", retries=1),),
        moved=_failed(
            "unreachable",
            Moved(names.RETRIES, 1, {"error_type": "unreachable"}),
            Moved(names.PROVIDER_ERRORS, 2, {"error_type": "unreachable"}),
        ),
        cost=Cost.NONE,
    ),
    Scenario(
        name="disconnect",
        stream=True,
        leave_after_chunks=3,
        headers=_simulate(chunk_ms=200),
        inferences=(Inference(outcome="client_disconnect"),),
        moved=(
            Moved(names.OPERATION_DURATION, 1),
            Moved(names.TOKEN_USAGE, 2),
            Moved(names.INPUT_TOKENS, Fact.INPUT_TOKENS),
            Moved(names.OUTPUT_TOKENS, Fact.OUTPUT_TOKENS),
            Moved(names.STREAMS, 1, {"gaugeway_stream_outcome": "client_disconnect"}),
            Moved(names.TIME_TO_FIRST_CHUNK, 1),
            Moved(names.TIME_PER_OUTPUT_CHUNK, Fact.SOME),
        ),
        cost=Cost.ESTIMATED,
    ),
    Scenario(
        name="cache_hit",
        twice=True,
        headers={"cache-control": "max-age=60"},
        inferences=(),
        moved=_completed(),
        shared=(
            Moved(names.CACHE_REQUESTS, 1, {"gaugeway_cache_result": "hit"}),
            Moved(names.CACHE_REQUESTS, 1, {"gaugeway_cache_result": "miss"}),
        ),
        cost=Cost.NONE,
    ),
    Scenario(
        name="bad_key",
        status=401,
        key="gw_unknown_" + "0" * 32,
        inferences=(),
        moved=(),
        shared=(
            Moved(
                names.REQUESTS_REJECTED,
                1,
                {"error_type": "invalid_api_key", "http_response_status_code": "401"},
            ),
        ),
        cost=Cost.NONE,
    ),
    Scenario(
        name="deadline",
        status=504,
        headers={**_simulate(latency_ms=5000), "x-gaugeway-deadline-ms": "300"},
        inferences=(Inference(outcome="timeout", error_type="deadline_exceeded"),),
        # The provider had read the prompt.
        moved=(
            Moved(names.OPERATION_DURATION, 1, {"error_type": "deadline_exceeded"}),
            Moved(names.TIMEOUTS, 1, {"gaugeway_timeout_kind": "deadline"}),
            Moved(names.TOKEN_USAGE, 2),
            Moved(names.INPUT_TOKENS, Fact.INPUT_TOKENS),
            Moved(names.OUTPUT_TOKENS, 0),
        ),
        cost=Cost.ESTIMATED,
    ),
)
