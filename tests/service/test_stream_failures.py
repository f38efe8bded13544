"""What goes wrong after a stream has begun is counted and named like any other failed attempt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from otel import names
from service.errors import (
    DeadlineExceeded,
    ProviderStreamInterrupted,
    ProviderTimeout,
    ServiceUnavailable,
)
from service.interruption import InFlight
from service.providers.control import SimulateControl
from service.providers.protocol import Call, Chunk, Completion
from service.runtime import Parts
from tests.service.gateway_under_test import chat_request, started_runtime
from tests.service.running import inference_attributes, settings_for, usage_records

IMPATIENT = """
targets:
  quick:
    provider: simulated
    options: {latency_ms: 0, token_ms: 0}
    timeouts: {connect: 1, read: 0.1, total: 5}
    models:
      simulated: {prices: {input: "0.40", output: "1.60"}}
"""


class BreaksMidway:
    """Raises what no provider should, after the stream has begun."""

    async def complete(self, call: Call) -> Completion:
        raise AssertionError("streams only")

    async def stream(self, call: Call) -> AsyncGenerator[Chunk, None]:
        choice = {"index": 0, "delta": {"content": "x"}, "finish_reason": None}
        yield Chunk({"id": "b", "choices": [choice]}, content=True, characters=1)
        raise RuntimeError("Authorization: Bearer gw_secret_in_an_exception")

    async def check(self) -> None:
        return


async def test_a_stream_cut_midway_is_a_failed_attempt(tmp_path: Path, redis_url: str) -> None:
    async with started_runtime(settings_for(tmp_path, redis_url)) as (runtime, telemetry):
        request = chat_request(stream=True, simulate=SimulateControl(cut_after=2))
        stream = await runtime.gateway.stream(request)
        with pytest.raises(ProviderStreamInterrupted):
            _ = [chunk async for chunk in stream]
        await stream.aclose()
        errors = telemetry.value(names.PROVIDER_ERRORS, error_type="stream_interrupted")
        assert errors == 1
        assert telemetry.value(names.RETRIES) == 0


async def test_silence_midway_is_a_failed_attempt_and_a_timeout(
    tmp_path: Path, redis_url: str
) -> None:
    settings = settings_for(tmp_path, redis_url)
    async with started_runtime(settings, targets=IMPATIENT) as (runtime, telemetry):
        wish = SimulateControl(cut_after=2, hang=True)
        stream = await runtime.gateway.stream(chat_request(stream=True, simulate=wish))
        with pytest.raises(ProviderTimeout):
            _ = [chunk async for chunk in stream]
        await stream.aclose()
        assert telemetry.value(names.TIMEOUTS, gaugeway_timeout_kind="read") == 1
        assert telemetry.value(names.PROVIDER_ERRORS, error_type="timeout") == 1
        assert telemetry.value(names.STREAMS, gaugeway_stream_outcome="timeout") == 1


async def test_a_fault_of_ours_midway_is_no_client_that_went_away(
    tmp_path: Path, redis_url: str
) -> None:
    parts = Parts(providers=lambda targets, _: dict.fromkeys(targets.connections, BreaksMidway()))
    settings = settings_for(tmp_path, redis_url)
    async with started_runtime(settings, parts=parts) as (runtime, telemetry):
        stream = await runtime.gateway.stream(chat_request(stream=True))
        with pytest.raises(RuntimeError):
            _ = [chunk async for chunk in stream]
        await stream.aclose()
        (inference,) = inference_attributes(telemetry)
        assert inference["gaugeway.outcome"] == "provider_error"
        assert inference["error.type"] == "RuntimeError"
        (record,) = usage_records(telemetry)
        assert record["gaugeway.usage.estimated"] is True
        assert not runtime.in_flight


async def test_an_answer_that_is_there_is_given_even_if_the_cache_takes_too_long(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(tmp_path, redis_url).model_copy(update={"cache_ttl_seconds": 60})
    async with started_runtime(settings) as (runtime, telemetry):

        async def slow(*_: object, **__: object) -> None:
            await asyncio.sleep(0.3)

        monkeypatch.setattr("service.cache.ResponseCache.keep", slow)
        answer = await runtime.gateway.complete(chat_request(seconds=0.1))
        assert answer.bill.tokens > 0
        assert telemetry.value(names.TIMEOUTS) == 0


async def test_a_request_that_comes_after_the_time_of_grace_is_ended_at_once() -> None:
    in_flight = InFlight()
    await in_flight.stop(0)
    loop = asyncio.get_running_loop()

    async def late() -> None:
        with in_flight.track(loop.time() + 60):
            await asyncio.sleep(30)

    async with asyncio.timeout(2):
        with pytest.raises(ServiceUnavailable) as caught:
            await asyncio.create_task(late())
    assert caught.value.code == "shutting_down"


async def test_a_deadline_in_the_past_ends_a_request_at_once() -> None:
    in_flight = InFlight()
    loop = asyncio.get_running_loop()

    async def late() -> None:
        with in_flight.track(loop.time() - 1):
            await asyncio.sleep(30)

    async with asyncio.timeout(2):
        with pytest.raises(DeadlineExceeded):
            await asyncio.create_task(late())
