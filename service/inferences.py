"""One inference at one target, from start to end, plain or streamed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from pydantic_core import to_json

from otel.inference import Inference, Telemetry
from service.attempts import Attempts
from service.content import Transcript, answered_characters, input_messages, output_messages
from service.errors import ProviderError, ProviderInvalidResponse, ProviderTimeout, ServiceError
from service.exchange import Answer, ModelRequest
from service.headroom import Headroom
from service.observation import operation_of
from service.progress import Progress
from service.providers.protocol import Call, Chunk, Provider
from service.settlement import Settlement, end_failed, end_interrupted
from service.stream_record import StreamRecord
from service.streaming import LiveStream
from service.targets import Target
from service.tokens import Usage, estimate_usage

T = TypeVar("T")


class Inferences:
    """Makes inferences at targets and sees to it that each is settled and ended."""

    def __init__(
        self,
        *,
        providers: Mapping[str, Provider],
        settlement: Settlement,
        telemetry: Telemetry,
        attempts: Attempts,
        headroom: Headroom,
    ) -> None:
        self._providers = providers
        self._settlement = settlement
        self._telemetry = telemetry
        self._attempts = attempts
        self._headroom = headroom
        capture = telemetry.settings.capture
        self._captures = capture.on_span or capture.on_event
        # A message or a part of one takes more than a character: more are not recorded.
        self._most_content = telemetry.settings.content_characters

    async def complete(self, progress: Progress, target: Target) -> Answer:
        """A whole answer. Raises `ServiceError`."""
        request = progress.request
        at = progress.account.asked_at
        inference = self._telemetry.inference(operation_of(request, target))
        with inference:
            provider = self._providers[target.name]
            answer = await self._attempted(progress, target, inference, provider.complete)
            self._headroom.note(target, answer.rate_limits)
            inference.response(
                model=answer.model,
                id=answer.id,
                finish_reasons=answer.finish_reasons,
                attributes=answer.attributes,
            )
            if self._captures:
                inference.content(
                    input_messages=input_messages(request.body, self._most_content),
                    output_messages=output_messages(answer.body, self._most_content),
                )
            usage = answer.usage or _estimate(request, answered_characters(answer.body))
            bill = progress.account.owed(self._settlement.settle(inference, target, usage, at))
        seconds = progress.provider_seconds + inference.provider_seconds
        return Answer(answer.encoded or to_json(answer.body), bill, progress.cache.result, seconds)

    async def open(self, progress: Progress, target: Target) -> LiveStream:
        """A stream whose first chunk has come. Raises `ServiceError`."""
        request = progress.request
        inference = self._telemetry.inference(operation_of(request, target))
        if self._captures:
            inference.content(input_messages=input_messages(request.body, self._most_content))
        provider = self._providers[target.name]
        first, chunks = await self._attempted(
            progress, target, inference, lambda call: _first_chunk(provider, call)
        )
        self._headroom.note(target, first.rate_limits)
        record = StreamRecord(
            request, target, inference, self._settlement, progress.account, progress.interruption
        )
        if self._captures:
            record.transcript = Transcript(self._most_content)
        return LiveStream(first, chunks, record, progress)

    async def _attempted(
        self,
        progress: Progress,
        target: Target,
        inference: Inference,
        ask: Callable[[Call], Awaitable[T]],
    ) -> T:
        unanswered = 0

        async def heard(call: Call) -> T:
            nonlocal unanswered
            unanswered += 1
            try:
                return await ask(call)
            except ProviderError as error:
                self._headroom.note(target, error.rate_limits)
                if not (isinstance(error, ProviderTimeout) and error.asked):
                    unanswered -= 1
                raise

        try:
            return await self._attempts.make(progress, target, inference, heard)
        except ServiceError as error:
            self._bill_unanswered(progress, target, inference, unanswered)
            end_failed(inference, error)
            progress.provider_seconds += inference.provider_seconds
            raise
        except asyncio.CancelledError:
            self._bill_unanswered(progress, target, inference, unanswered)
            end_interrupted(inference, progress.interruption)
            raise
        except Exception as error:
            inference.fail(type(error).__qualname__)
            inference.end("provider_error")
            raise

    def _bill_unanswered(
        self, progress: Progress, target: Target, inference: Inference, tries: int
    ) -> None:
        """A provider that has read a prompt bills it, whoever waits for the answer."""
        if tries == 0:
            return
        usage = _estimate(progress.request, 0)
        usage = replace(usage, input_tokens=usage.input_tokens * tries)
        account = progress.account
        account.owe(self._settlement.settle(inference, target, usage, account.asked_at))


async def _first_chunk(provider: Provider, call: Call) -> tuple[Chunk, AsyncGenerator[Chunk, None]]:
    chunks = provider.stream(call)
    first = await anext(chunks, None)
    if first is None:
        raise ProviderInvalidResponse(f"The target '{call.target}' ended a stream without a chunk.")
    return first, chunks


def _estimate(request: ModelRequest, characters: int) -> Usage:
    """For a provider that does not tell; without it, what was used would count as nothing."""
    return estimate_usage(
        request.body, output_characters=characters, input_tokens=request.input_tokens
    )
