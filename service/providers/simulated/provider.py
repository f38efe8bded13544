"""The simulated provider: answers, tokens, latencies and chunks of its own, and faults on order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import replace
from random import Random
from typing import Any

from pydantic import ValidationError

from service.aside import aside_if
from service.providers.protocol import Call, Chunk, Completion
from service.providers.shapes import as_object
from service.providers.simulated.allowance import Allowance
from service.providers.simulated.answers import Answer, Choice, answer, random_of
from service.providers.simulated.embeddings import (
    MOST_AT_ONCE,
    Asked,
    Embedded,
    asked_for,
    embeddings,
)
from service.providers.simulated.faults import (
    Faults,
    faults_of,
    interrupted,
    malformed,
    refusal,
)
from service.providers.simulated.options import SimulatedOptions
from service.providers.simulated.pace import Pace, Sleep
from service.providers.transport import Transport
from service.providers.usage import openai_usage, usage_body
from service.targets import Connection, TargetsError
from service.tokens import estimate_input_tokens


class SimulatedProvider:
    """Deterministic by seed and request; only the faults by chance follow the order of calls."""

    def __init__(
        self,
        options: SimulatedOptions,
        *,
        sleep: Sleep = asyncio.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._sleep = sleep
        self._chance = Random(options.seed)  # noqa: S311 - no secret
        self._allowance = Allowance(options.rate_limits, now)

    async def complete(self, call: Call) -> Completion:
        """Answer a chat or embeddings call as a whole."""
        faults = faults_of(call, self._options, self._chance)
        pace = Pace(call, self._sleep)
        if call.operation == "embeddings":
            return await self._embeddings(call, faults, pace)
        reply = await self._answer(call)
        latency = self._latency(call, reply.pace) + self._between(call) * reply.usage.output_tokens
        await self._begin(call, faults, pace, latency)
        if faults.cut_after is not None:
            raise interrupted(call)
        told = self._allowance.take(reply.usage.total_tokens)
        return replace(_completion(reply, call.model), rate_limits=told)

    async def stream(self, call: Call) -> AsyncGenerator[Chunk, None]:
        """Answer a chat call in chunks, one token each."""
        faults = faults_of(call, self._options, self._chance)
        pace = Pace(call, self._sleep)
        reply = await self._answer(call)
        late = faults.hang and faults.cut_after is not None
        latency = self._latency(call, reply.pace)
        await self._begin(call, Faults() if late else faults, pace, latency)
        await pace.wait(call.simulate.first_chunk_ms or 0 if call.simulate else 0)
        between = self._between(call)
        told = self._allowance.take(reply.usage.total_tokens)
        for sent, chunk in enumerate(_chunks(reply, call)):
            if sent == faults.cut_after:
                if faults.hang:
                    await pace.hang()
                raise interrupted(call)
            if sent and chunk.content:
                await pace.wait(between)
            yield replace(chunk, rate_limits=told) if told and not sent else chunk

    async def check(self) -> None:
        """Nothing to reach."""

    async def _answer(self, call: Call) -> Answer:
        return await aside_if(
            call.weight.heavy,
            answer,
            call.body,
            model=call.model,
            seed=self._seed(call),
            weight=call.weight,
        )

    async def _embeddings(self, call: Call, faults: Faults, pace: Pace) -> Completion:
        seed = self._seed(call)
        asked = asked_for(call.body, self._options.dimensions)
        long = max(asked.numbers, call.weight.size) > MOST_AT_ONCE
        found, drawn = await aside_if(long, _embedded, call, asked, seed, in_pieces=long)
        await self._begin(call, faults, pace, self._latency(call, drawn))
        if faults.cut_after is not None:
            raise interrupted(call)
        usage = openai_usage(found.body["usage"])
        told = self._allowance.take(usage.total_tokens if usage else 0)
        return Completion(
            found.body, usage, call.model, None, (), encoded=found.encoded, rate_limits=told
        )

    async def _begin(self, call: Call, faults: Faults, pace: Pace, latency: float) -> None:
        """Wait for the answer to begin, or raise what comes in its place."""
        if faults.hang:
            await pace.hang()
        await pace.wait(latency)
        error = refusal(faults, call, self._allowance.used_up())
        if error is not None:
            raise error
        if faults.malformed:
            raise malformed(call)

    def _seed(self, call: Call) -> int:
        wish = call.simulate.seed if call.simulate else None
        return self._options.seed if wish is None else wish

    def _latency(self, call: Call, drawn: float) -> float:
        wish = call.simulate.latency_ms if call.simulate else None
        return self._options.latency_ms * (0.5 + drawn) if wish is None else wish

    def _between(self, call: Call) -> float:
        wish = call.simulate.chunk_ms if call.simulate else None
        return self._options.token_ms if wish is None else wish


def simulated(connection: Connection, transport: Transport) -> SimulatedProvider:
    """Build a simulated target's provider; it has no use for the transport."""
    del transport
    try:
        options = SimulatedOptions.model_validate(dict(connection.options))
    except ValidationError as error:
        raise TargetsError.of(connection.location + ".options", error) from None
    return SimulatedProvider(options)


def _embedded(call: Call, asked: Asked, seed: int, *, in_pieces: bool) -> tuple[Embedded, float]:
    """The answer, and the number in [0, 1) that its latency varies with."""
    tokens = estimate_input_tokens(call.body)
    found = embeddings(asked, model=call.model, seed=seed, tokens=tokens, in_pieces=in_pieces)
    given = call.body.get("input")
    return found, random_of(seed, call.model, given, weight=call.weight).random()


def _completion(reply: Answer, model: str) -> Completion:
    choices = [_choice_body(index, choice) for index, choice in enumerate(reply.choices)]
    body = {
        **_head(reply, model, "chat.completion"),
        "choices": choices,
        "usage": usage_body(reply.usage),
    }
    return Completion(
        body,
        reply.usage,
        model,
        reply.id,
        tuple(choice.finish_reason for choice in reply.choices),
        {"openai.response.system_fingerprint": reply.fingerprint},
    )


def _head(reply: Answer, model: str, kind: str) -> dict[str, Any]:
    return {
        "id": reply.id,
        "object": kind,
        "created": reply.created,
        "model": model,
        "system_fingerprint": reply.fingerprint,
    }


def _choice_body(index: int, choice: Choice) -> dict[str, Any]:
    text = "".join(choice.pieces)
    message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
    if choice.tool_calls:
        message["content"] = None
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": "".join(call.pieces)},
            }
            for call in choice.tool_calls
        ]
    return {
        "index": index,
        "message": message,
        "logprobs": None,
        "finish_reason": choice.finish_reason,
    }


def _chunks(reply: Answer, call: Call) -> Iterator[Chunk]:
    head = _head(reply, call.model, "chat.completion.chunk")
    attributes: Mapping[str, str] = {"openai.response.system_fingerprint": reply.fingerprint}
    for index, choice in enumerate(reply.choices):
        start = {"role": "assistant", "content": None if choice.tool_calls else ""}
        yield Chunk(_chunk_body(head, index, start), attributes=attributes)
        for piece in choice.pieces:
            data = _chunk_body(head, index, {"content": piece})
            yield Chunk(data, content=True, characters=len(piece))
        for delta, characters in _tool_deltas(choice):
            data = _chunk_body(head, index, {"tool_calls": [delta]})
            yield Chunk(data, content=True, characters=characters)
        end = _chunk_body(head, index, {}, choice.finish_reason)
        yield Chunk(end, finish_reasons=(choice.finish_reason,))
    if as_object(call.body.get("stream_options")).get("include_usage"):
        data: dict[str, Any] = {**head, "choices": [], "usage": usage_body(reply.usage)}
        yield Chunk(data, usage=reply.usage)


def _chunk_body(
    head: Mapping[str, Any], index: int, delta: Mapping[str, Any], finish: str | None = None
) -> dict[str, Any]:
    choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {**head, "choices": [choice]}


def _tool_deltas(choice: Choice) -> Iterator[tuple[dict[str, Any], int]]:
    for index, call in enumerate(choice.tool_calls):
        function = {"name": call.name, "arguments": ""}
        start = {"index": index, "id": call.id, "type": "function", "function": function}
        yield start, len(call.name)
        for piece in call.pieces:
            yield {"index": index, "function": {"arguments": piece}}, len(piece)
