"""Where a request goes, whether it is tried again, and when: pure decisions, no I/O.

Times are Unix seconds; durations are seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.errors import InvalidRequest, ModelNotFound, ProviderError, ServiceError
from service.targets import RetryPolicy, Target, Targets


@dataclass(frozen=True, slots=True)
class Retry:
    """Try the same target again after `delay` seconds."""

    delay: float


def plan(model: str, targets: Targets, *, operation: str | None = None) -> tuple[Target, ...]:
    """The targets to try for a public model name, in order of fallback.

    Raises `ModelNotFound`, or `InvalidRequest` where the model is served for another operation.
    """
    found = targets.models.get(model)
    if found is None:
        raise ModelNotFound(
            f"The model '{model[:128]}' does not exist or no target serves it. "
            "GET /v1/models lists the models that are served.",
            param="model",
        )
    if operation is not None and found[0].operation != operation:
        raise InvalidRequest(
            f"The model '{model}' is served for {found[0].operation}, not for {operation}. "
            "GET /v1/models lists the models that are served.",
            code="model_not_supported",
            param="model",
        )
    return found


def check_fields(body: Mapping[str, Any], ways: Sequence[Target]) -> None:
    """Whether a body may go to all targets it could go to. Raises `InvalidRequest`.

    In names of fields capital letters are as good as small ones: some providers read them so.
    """
    refused = frozenset[str]().union(*(target.refuse_fields for target in ways))
    if not refused:
        return
    for field, value in body.items():
        if value is not None and field.lower() in refused:
            raise InvalidRequest(
                f"The field '{field[:64]}' may not be used with the model '{ways[0].model}' here. "
                "Leave it out; the operator can allow it in the targets file (refuse_fields).",
                code="field_refused",
                param=field[:64],
            )


def retry_decision(
    error: ServiceError,
    *,
    attempt: int,
    policy: RetryPolicy,
    random: Callable[[], float],
    remaining: float,
) -> Retry | None:
    """Whether and when to try the same target again.

    `attempt`: attempts at this target so far, from 1. `random`: uniform in [0, 1).
    `remaining`: seconds until the request's deadline. Without a `Retry-After` the delay is full
    jitter, uniform below `base_delay * 2 ** (attempt - 1)`, capped at `max_delay`. With one, the
    delay is never shorter than it asks, plus jitter of at most `base_delay`, so that the clients
    it was told to do not come back as one. None where the error is not retryable, the attempts are
    used up, the provider asks for longer than `max_retry_after`, or the deadline would pass first.
    """
    if not isinstance(error, ProviderError) or not error.retryable or attempt >= policy.attempts:
        return None
    if error.retry_after is None:
        delay = random() * min(policy.max_delay, policy.base_delay * 2 ** min(attempt - 1, 62))
    elif error.retry_after > policy.max_retry_after:
        return None
    else:
        delay = error.retry_after + random() * policy.base_delay
    return Retry(delay) if delay < remaining else None


def falls_back(error: ServiceError) -> bool:
    """Whether another target may answer what this one did not."""
    return isinstance(error, ProviderError) and error.falls_back
