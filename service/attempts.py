"""Asks one target until it answers, refuses for good, or its attempts are used up."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar, cast

from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from otel.inference import Inference
from service.errors import ProviderError
from service.exchange import ModelRequest
from service.progress import Progress
from service.providers.protocol import Call
from service.routing import retry_decision
from service.settlement import note_failed_attempt
from service.targets import Target

T = TypeVar("T")
OUTPUT_LIMITS = ("max_completion_tokens", "max_tokens")
_NEWER_LIMIT = frozenset({"openai", "azure.ai.openai"})
_TRACE_CONTEXT = TraceContextTextMapPropagator()


@dataclass(frozen=True, slots=True)
class Attempts:
    """Retries at one target, waiting as routing decides."""

    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = field(default=random.random)

    async def make(
        self,
        progress: Progress,
        target: Target,
        inference: Inference,
        ask: Callable[[Call], Awaitable[T]],
    ) -> T:
        """The first answer. Raises the last attempt's `ServiceError`; each is counted."""
        request = progress.request
        first = Call(
            operation=request.operation,
            model=target.provider_model,
            body=upstream_body(request, target, progress.account.lease.max_output_tokens),
            timeout=target.timeouts,
            target=target.name,
            simulate=request.simulate,
            headers=trace_headers(inference) if target.trace_context else {},
            weight=request.weight,
        )
        here = 0
        while True:
            here += 1
            progress.attempts += 1
            try:
                return await ask(replace(first, attempt=progress.attempts))
            except ProviderError as error:
                note_failed_attempt(inference, error)
                retry = retry_decision(
                    error,
                    attempt=here,
                    policy=target.retries,
                    random=self.random,
                    remaining=request.deadline - asyncio.get_running_loop().time(),
                )
                if retry is None:
                    raise
                inference.retry(error_type=error.error_type, delay_seconds=retry.delay)
                delay = retry.delay
            await self.sleep(delay)


def trace_headers(inference: Inference) -> dict[str, str]:
    """The inference's place in its trace. Baggage stays here: it may hold anything."""
    found: dict[str, str] = {}
    _TRACE_CONTEXT.inject(found, inference.context)
    return found


def upstream_body(
    request: ModelRequest, target: Target, max_output_tokens: int | None = None
) -> Mapping[str, Any]:
    """The client's body, bounded as its budgets were told.

    For a stream usage is asked for, since the cost depends on it.
    """
    body = request.body
    if max_output_tokens is not None and not any(body.get(field) for field in OUTPUT_LIMITS):
        # OpenAI's reasoning models know only the newer field, most others only the older one.
        newer = target.provider_name in _NEWER_LIMIT
        body = {**body, OUTPUT_LIMITS[0 if newer else 1]: max_output_tokens}
    if not request.stream:
        return body
    given = body.get("stream_options")
    options = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    return {
        **body,
        "stream": True,
        "stream_options": {**options, "include_usage": True},
    }
