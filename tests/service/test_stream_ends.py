"""A stream has one end on every path, and what it used is billed and recorded on each of them."""

from __future__ import annotations

import gc
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from otel import names
from service.exchange import ModelRequest
from service.runtime import Parts
from tests.service.fake_providers import EarlyUsageProvider, EndlessProvider, LongProvider
from tests.service.gateway_under_test import a_few_turns, chat_request, started_runtime
from tests.service.running import (
    RunningService,
    inference_attributes,
    running,
    settings_for,
    usage_records,
    wait_for,
)

SLOW = {"x-gaugeway-simulate": json.dumps({"chunk_ms": 50})}


def only_inference(service: RunningService) -> Any:
    """The one inference span, once it has ended."""
    wait_for(lambda: inferences(service), "an inference to end")
    (span,) = inferences(service)
    return span


def inferences(service: RunningService) -> list[Any]:
    return [span for span in service.telemetry.spans() if span.name.startswith("chat ")]


def assert_one_end(service: RunningService, outcome: str, *, estimated: bool) -> Any:
    span = only_inference(service)
    (recorded,) = usage_records(service.telemetry)
    assert span.attributes["gaugeway.outcome"] == outcome
    assert recorded["gaugeway.outcome"] == outcome
    assert bool(recorded.get("gaugeway.usage.estimated")) is estimated
    assert Decimal(recorded["gaugeway.cost"]) > 0
    assert recorded["gen_ai.usage.input_tokens"] > 0
    assert service.telemetry.value(names.STREAMS) == 1
    assert service.telemetry.value(names.STREAMS, gaugeway_stream_outcome=outcome) == 1
    assert service.telemetry.value(names.COST) == pytest.approx(float(recorded["gaugeway.cost"]))
    wait_for(lambda: not service.runtime.in_flight, "nothing to be under way")
    return span


def test_a_completed_stream_tells_its_cost_before_it_is_done(service: RunningService) -> None:
    with service.open_stream() as stream:
        text = stream.read_to_end().decode()
    span = assert_one_end(service, "completed", estimated=False)
    events = re.findall(r"^data: (.*)$", text, re.MULTILINE)
    assert events[-1] == "[DONE]"
    cost = re.search(r"^: gaugeway-cost-usd=([0-9.]+)$", text, re.MULTILINE)
    assert cost is not None
    assert cost[1] == span.attributes["gaugeway.cost"].rstrip("0")
    assert '"choices":[]' not in text
    assert "error.type" not in span.attributes
    assert span.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert span.attributes["gen_ai.response.time_to_first_chunk"] >= 0


def test_a_provider_error_midway_is_an_event_and_no_done(service: RunningService) -> None:
    with service.open_stream(model="simulated:cut") as stream:
        text = stream.read_to_end()
    span = assert_one_end(service, "provider_error", estimated=True)
    assert b"[DONE]" not in text
    last = json.loads(text.split(b"data: ")[-1].split(b"\n")[0])
    assert last["error"]["code"] == "provider_stream_interrupted"
    assert span.attributes["error.type"] == "stream_interrupted"
    assert span.status.status_code.name == "ERROR"


def test_a_client_that_goes_away_ends_the_stream_at_once(service: RunningService) -> None:
    stream = service.open_stream(headers=SLOW)
    stream.read_until(b"data: ")
    stream.close()
    span = assert_one_end(service, "client_disconnect", estimated=True)
    assert span.attributes["gen_ai.response.finish_reasons"] == ("error",)
    assert "error.type" not in span.attributes


def test_a_client_that_does_not_read_slows_the_provider_down_until_the_deadline(
    tmp_path: Path, redis_url: str
) -> None:
    provider = EndlessProvider(chunk_bytes=64 * 1024)
    parts = Parts(providers=lambda targets, _: dict.fromkeys(targets.connections, provider))
    with running(settings_for(tmp_path, redis_url), parts=parts) as service:
        headers = {"x-gaugeway-deadline-ms": "1000"}
        with service.open_stream(headers=headers, receive_buffer=4096):
            span = assert_one_end(service, "timeout", estimated=True)
        assert provider.closed
        # What the sockets' buffers hold, and no more.
        assert provider.chunks_made < 300
        assert span.attributes["error.type"] == "deadline_exceeded"


def test_the_deadline_ends_a_stream_with_an_error_event(service: RunningService) -> None:
    with service.open_stream(headers={**SLOW, "x-gaugeway-deadline-ms": "200"}) as stream:
        text = stream.read_to_end()
    span = assert_one_end(service, "timeout", estimated=True)
    last = json.loads(text.split(b"data: ")[-1].split(b"\n")[0])
    assert last["error"]["code"] == "deadline_exceeded"
    assert b"[DONE]" not in text
    assert span.attributes["error.type"] == "deadline_exceeded"
    assert service.telemetry.value(names.TIMEOUTS, gaugeway_timeout_kind="deadline") == 1


def test_shutdown_ends_streams_within_its_grace(tmp_path: Path, redis_url: str) -> None:
    with running(settings_for(tmp_path, redis_url)) as service:
        wish = {"x-gaugeway-simulate": json.dumps({"chunk_ms": 2000})}
        with service.open_stream(headers=wish) as stream:
            stream.read_until(b"data: ")
            service.server.should_exit = True
            service.stop_soon()
            text = stream.read_to_end()
        assert_one_end(service, "shutdown", estimated=True)
        last = json.loads(text.split(b"data: ")[-1].split(b"\n")[0])
        assert last["error"]["code"] == "shutting_down"


async def test_a_stream_nobody_reads_ends_as_abandoned(tmp_path: Path, redis_url: str) -> None:
    async with started_runtime(settings_for(tmp_path, redis_url)) as (runtime, telemetry):
        stream = await runtime.gateway.stream(chat_request(stream=True))
        assert len(runtime.in_flight) == 1
        del stream
        gc.collect()
        await a_few_turns()
        (inference,) = inference_attributes(telemetry)
        assert inference["gaugeway.outcome"] == "abandoned"
        assert telemetry.value(names.STREAMS, gaugeway_stream_outcome="abandoned") == 1
        (record,) = usage_records(telemetry)
        assert record["gaugeway.usage.estimated"] is True
        assert len(runtime.in_flight) == 0


async def test_a_stream_dropped_halfway_ends_as_abandoned(tmp_path: Path, redis_url: str) -> None:
    async with started_runtime(settings_for(tmp_path, redis_url)) as (runtime, telemetry):
        stream = await runtime.gateway.stream(chat_request(stream=True))
        await anext(stream)
        await anext(stream)
        del stream
        gc.collect()
        await a_few_turns()
        (inference,) = inference_attributes(telemetry)
        assert inference["gaugeway.outcome"] == "abandoned"


async def test_closing_twice_ends_once(tmp_path: Path, redis_url: str) -> None:
    async with started_runtime(settings_for(tmp_path, redis_url)) as (runtime, telemetry):
        stream = await runtime.gateway.stream(chat_request(stream=True))
        await stream.aclose()
        await stream.aclose()
        del stream
        gc.collect()
        await a_few_turns()
        assert len(telemetry.spans("chat simulated")) == 1
        assert telemetry.value(names.STREAMS, gaugeway_stream_outcome="client_disconnect") == 1


async def test_a_failure_before_the_first_chunk_is_an_error_and_falls_back(
    tmp_path: Path, redis_url: str
) -> None:
    async with started_runtime(settings_for(tmp_path, redis_url)) as (runtime, telemetry):
        request: ModelRequest = chat_request(model="fallback", stream=True)
        stream = await runtime.gateway.stream(request)
        chunks = [chunk async for chunk in stream]
        assert chunks
        failed, answered = inference_attributes(telemetry)
        assert failed["gaugeway.target"] == "failing"
        assert failed["gaugeway.outcome"] == "provider_error"
        assert answered["gaugeway.target"] == "steady"
        assert answered["gaugeway.outcome"] == "completed"
        assert telemetry.value(names.FALLBACKS) == 1
        assert telemetry.value(names.RETRIES) == 1
        assert telemetry.value(names.PROVIDER_ERRORS) == 2
        assert len(telemetry.logs(names.USAGE_BODY)) == 2


def test_a_client_that_does_not_take_a_replay_is_given_up_at_the_deadline(
    tmp_path: Path, redis_url: str
) -> None:
    """Nothing is inferred any more, but a reader that stands still must not hold the service."""
    provider = LongProvider(chunk_bytes=64 * 1024, chunks=200)
    parts = Parts(providers=lambda targets, _: dict.fromkeys(targets.connections, provider))
    settings = settings_for(
        tmp_path, redis_url, cache_max_entry_bytes=32 * 1024**2, redis_timeout_seconds=10
    )
    with running(settings, parts=parts) as service:
        asked = {"cache-control": "max-age=60"}
        question = f"long {service.port}"
        with service.open_stream(question, headers=asked) as stream:
            assert b"[DONE]" in stream.read_to_end()
        late = {**asked, "x-gaugeway-deadline-ms": "3000"}
        with service.open_stream(question, headers=late, receive_buffer=4096) as stream:
            stream.read_until(b"x-gaugeway-cache: hit")
            assert len(service.runtime.in_flight) == 1
            wait_for(lambda: not service.runtime.in_flight, "the deadline")
        assert service.telemetry.value(names.STREAMS) == 1


def test_a_client_that_does_not_take_the_end_does_not_hold_up_the_shutdown(
    tmp_path: Path, redis_url: str
) -> None:
    provider = LongProvider(chunk_bytes=64 * 1024, chunks=200)
    parts = Parts(providers=lambda targets, _: dict.fromkeys(targets.connections, provider))
    with (
        running(settings_for(tmp_path, redis_url), parts=parts) as service,
        service.open_stream(receive_buffer=4096),
    ):
        wait_for(lambda: len(service.runtime.in_flight) == 1, "the stream")
        service.stop_soon()
        wait_for(lambda: not service.runtime.in_flight, "its end")


def test_what_should_not_be_able_to_fail_midway_is_an_error_event(
    tmp_path: Path, redis_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    provider = LongProvider(chunk_bytes=10, chunks=3, error=RuntimeError("api_key=hunter2hunter2"))
    parts = Parts(providers=lambda targets, _: dict.fromkeys(targets.connections, provider))
    with running(settings_for(tmp_path, redis_url), parts=parts) as service:
        with service.open_stream() as stream:
            text = stream.read_to_end()
        span = assert_one_end(service, "provider_error", estimated=True)
        assert span.attributes["error.type"] == "RuntimeError"
    last = json.loads(text.split(b"data: ")[-1].split(b"\n")[0])
    assert last["error"]["code"] == "internal_error"
    assert b"[DONE]" not in text
    assert b"hunter2" not in text
    assert "Traceback" in caplog.text
    assert "hunter2" not in caplog.text


def test_output_that_came_after_the_usage_was_told_is_estimated(
    tmp_path: Path, redis_url: str
) -> None:
    provider = EarlyUsageProvider()
    parts = Parts(providers=lambda targets, _: dict.fromkeys(targets.connections, provider))
    with running(settings_for(tmp_path, redis_url), parts=parts) as service:
        with service.open_stream() as stream:
            stream.read_to_end()
        span = assert_one_end(service, "provider_error", estimated=True)
        assert span.attributes["gen_ai.usage.input_tokens"] == 10
        assert span.attributes["gen_ai.usage.output_tokens"] == 100


@pytest.mark.parametrize(
    ("size", "pieces", "limits", "tokens"),
    [
        # A token or more to each character, as in Chinese or emoji: each piece is one at least.
        (1, 40, {}, 40),
        # English prose.
        (40, 10, {}, 100),
        # Long words: no more than the request allowed, and its budgets reserved.
        (400, 2, {"max_tokens": 50}, 50),
        (400, 2, {"max_completion_tokens": 60, "max_tokens": 50, "n": 2}, 120),
        # A provider that goes on beyond what it was allowed.
        (4, 70, {"max_tokens": 50}, 70),
    ],
)
def test_a_cut_stream_is_estimated_by_characters_pieces_and_its_limit(
    tmp_path: Path,
    redis_url: str,
    size: int,
    pieces: int,
    limits: Mapping[str, Any],
    tokens: int,
) -> None:
    provider = LongProvider(chunk_bytes=size, chunks=pieces, error=RuntimeError("cut"))
    parts = Parts(providers=lambda targets, _: dict.fromkeys(targets.connections, provider))
    with running(settings_for(tmp_path, redis_url), parts=parts) as service:
        with service.open_stream(**limits) as stream:
            stream.read_to_end()
        span = assert_one_end(service, "provider_error", estimated=True)
    assert span.attributes["gen_ai.usage.output_tokens"] == tokens
