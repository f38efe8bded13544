"""Plain answers: what they carry, what is recorded, and what happens when a target fails."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from otel import names
from otel.settings import ApiSettings, Capture
from service.runtime import Parts
from tests.service.fake_providers import CountingProvider, SilentProvider
from tests.service.gateway_under_test import chat_request, started_runtime
from tests.service.running import (
    TARGETS,
    RunningService,
    inference_attributes,
    running,
    settings_for,
    usage_records,
    wait_for,
)

SILENT = """
targets:
  silent:
    provider: simulated
    options: {seed: 7, latency_ms: 60000}
    timeouts: {read: 0.05}
    retries: {attempts: 2, base_delay: 0.01, max_delay: 0.01}
    models: {simulated: {prices: {input: "1000", output: "1000"}}}
  patient:
    provider: simulated
    options: {seed: 7, latency_ms: 60000}
    models: {patient: {prices: {input: "1000", output: "1000"}}}
"""


def test_header_span_record_and_counter_tell_the_same_cost(service: RunningService) -> None:
    reply = service.chat("What did it cost?", {"x-gaugeway-component": "search"})
    (span,), (record,) = (
        inference_attributes(service.telemetry),
        usage_records(service.telemetry),
    )
    cost = Decimal(reply.headers["x-gaugeway-cost-usd"])
    usage = reply.json["usage"]
    expected = (
        Decimal("0.40") * usage["prompt_tokens"] + Decimal("1.60") * usage["completion_tokens"]
    ) / 1_000_000
    assert cost == expected
    told = reply.headers["x-gaugeway-cost-usd"]
    assert span["gaugeway.cost"] == record["gaugeway.cost"] == told
    assert service.telemetry.value(names.COST, gaugeway_component="search") == pytest.approx(
        float(cost)
    )
    assert record["gen_ai.usage.output_tokens"] == usage["completion_tokens"]
    assert record["gaugeway.app"] == "dev"
    assert reply.headers["x-gaugeway-tokens"] == str(usage["total_tokens"])
    assert reply.headers["x-gaugeway-cache"] == "off"
    assert float(reply.headers["x-gaugeway-duration-ms"]) > 0


def test_one_server_span_is_the_parent_of_the_inference(service: RunningService) -> None:
    reply = service.chat()
    # It ends after the client has its answer.
    wait_for(lambda: service.telemetry.spans("POST /v1/chat/completions"), "the SERVER span")
    (server,) = [span for span in service.telemetry.spans() if span.kind.name == "SERVER"]
    (inference,) = service.telemetry.spans("chat simulated")
    assert inference.parent is not None
    assert server.context is not None
    assert inference.parent.span_id == server.context.span_id
    assert format(server.context.trace_id, "032x") == reply.headers["x-trace-id"]
    assert server.name == "POST /v1/chat/completions"


def test_an_undeclared_component_becomes_other(service: RunningService) -> None:
    service.chat(headers={"x-gaugeway-component": "made up by a caller"})
    (record,) = usage_records(service.telemetry)
    assert record["gaugeway.component"] == "_OTHER"


def test_a_429_is_retried_inside_one_inference(service: RunningService) -> None:
    reply = service.chat(model="simulated:429x1")
    assert reply.status == 200
    (span,) = inference_attributes(service.telemetry)
    assert span["gaugeway.retry.count"] == 1
    assert span["gaugeway.outcome"] == "completed"
    assert service.telemetry.value(names.RETRIES, error_type="rate_limited") == 1
    assert (
        service.telemetry.value(
            names.PROVIDER_ERRORS, error_type="rate_limited", http_response_status_code=429
        )
        == 1
    )


def test_a_fallback_is_a_second_inference(service: RunningService) -> None:
    reply = service.chat(model="fallback")
    assert reply.status == 200
    failed, answered = inference_attributes(service.telemetry)
    assert (failed["gaugeway.target"], answered["gaugeway.target"]) == ("failing", "steady")
    assert failed["error.type"] == "overloaded"
    assert (
        service.telemetry.value(
            names.FALLBACKS, gaugeway_fallback_from="failing", gaugeway_fallback_to="steady"
        )
        == 1
    )
    assert len(usage_records(service.telemetry)) == 2


def test_a_provider_that_stays_down_is_told_to_the_caller(service: RunningService) -> None:
    reply = service.chat(model="down")
    assert reply.status == 503
    assert reply.error["code"] == "provider_overloaded"
    (record,) = usage_records(service.telemetry)
    assert record["error.type"] == "overloaded"
    assert "gaugeway.cost" not in record
    assert service.telemetry.value(names.REQUESTS_REJECTED) == 0


def test_the_deadline_ends_a_request_with_504(service: RunningService) -> None:
    wish = json.dumps({"latency_ms": 5000})
    reply = service.chat(headers={"x-gaugeway-simulate": wish, "x-gaugeway-deadline-ms": "50"})
    assert reply.status == 504
    assert reply.error["code"] == "deadline_exceeded"
    assert reply.error["type"] == "timeout_error"
    (span,) = inference_attributes(service.telemetry)
    assert span["gaugeway.outcome"] == "timeout"
    assert service.telemetry.value(names.TIMEOUTS, gaugeway_timeout_kind="deadline") == 1
    assert service.chat().status == 200


def test_a_model_without_a_price_is_unpriced_and_never_free(service: RunningService) -> None:
    reply = service.chat(model="unpriced")
    assert reply.status == 200
    assert "x-gaugeway-cost-usd" not in reply.headers
    assert reply.headers["x-gaugeway-unpriced"] == "true"
    (record,) = usage_records(service.telemetry)
    assert record["gaugeway.unpriced"] is True
    assert "gaugeway.cost" not in record
    assert service.telemetry.value(names.UNPRICED_OPERATIONS) == 1
    with service.open_stream(model="unpriced") as stream:
        assert b": gaugeway-unpriced=true" in stream.read_to_end()


def test_embeddings_are_priced_by_their_input(service: RunningService) -> None:
    reply = service.post("/v1/embeddings", {"model": "simulated-embedding", "input": "one two"})
    tokens = reply.json["usage"]["prompt_tokens"]
    cost = Decimal(reply.headers["x-gaugeway-cost-usd"])
    assert cost == Decimal("0.02") * tokens / 1_000_000
    (span,) = inference_attributes(service.telemetry)
    assert span["gen_ai.operation.name"] == "embeddings"


def test_request_parameters_are_on_the_span(service: RunningService) -> None:
    service.chat(
        temperature=0.5, max_tokens=7, seed=3, stop=["a"], response_format={"type": "text"}
    )
    (span,) = inference_attributes(service.telemetry)
    assert span["gen_ai.request.temperature"] == 0.5
    assert span["gen_ai.request.max_tokens"] == 7
    assert span["gen_ai.request.seed"] == 3
    assert span["gen_ai.output.type"] == "text"
    # What a caller wrote is content.
    assert "gen_ai.request.stop_sequences" not in span


@pytest.mark.parametrize(
    ("tier", "told"), [("flex", "flex"), ("auto", None), ("my own words", "_OTHER")]
)
def test_a_service_tier_that_no_provider_names_is_not_told(
    service: RunningService, tier: str, told: str | None
) -> None:
    service.chat(service_tier=tier)
    (span,) = inference_attributes(service.telemetry)
    assert span.get("openai.request.service_tier") == told


def test_with_content_capture_what_a_caller_wrote_is_on_the_span(
    tmp_path: Path, redis_url: str
) -> None:
    capture = ApiSettings(capture=Capture.SPAN_ONLY)
    with running(settings_for(tmp_path, redis_url), capture=capture) as service:
        parted = "x" * 45 + " https://me:hunter2222@host/"
        service.chat(stop=["a", parted], service_tier="my own words")
        (span,) = inference_attributes(service.telemetry)
        assert span["openai.request.service_tier"] == "my own words"
        first, cut = span["gen_ai.request.stop_sequences"]
        assert first == "a"
        assert cut.startswith("xxx")
        assert "hunter" not in cut


def test_the_gateways_own_time_leaves_the_provider_out(service: RunningService) -> None:
    wish = json.dumps({"latency_ms": 300})
    service.chat(headers={"x-gaugeway-simulate": wish})
    (point,) = service.telemetry.metrics()[names.GATEWAY_DURATION.name]
    assert 0 < point.value < 0.2
    assert point.attributes["http.response.status_code"] == 200


async def test_a_provider_that_does_not_tell_usage_is_estimated(
    tmp_path: Path, redis_url: str
) -> None:
    parts = Parts(providers=lambda targets, _: dict.fromkeys(targets.connections, SilentProvider()))
    settings = settings_for(tmp_path, redis_url)
    async with started_runtime(settings, parts=parts) as (runtime, telemetry):
        answer = await runtime.gateway.complete(chat_request())
        assert answer.bill.estimated
        assert answer.bill.cost is not None
        assert answer.bill.cost > 0
        stream = await runtime.gateway.stream(chat_request(stream=True))
        assert len([chunk async for chunk in stream]) == 1
        assert stream.bill is not None
        assert stream.bill.estimated
        assert all(record["gaugeway.usage.estimated"] for record in usage_records(telemetry))


def test_unknown_fields_reach_the_provider_unchanged(tmp_path: Path, redis_url: str) -> None:
    provider = CountingProvider()
    parts = Parts(providers=lambda targets, _: dict.fromkeys(targets.connections, provider))
    tool = {"type": "x", "deep": [1, 2.5, None]}
    extra: dict[str, Any] = {"tools": [tool], "vendor": {"big": 2**70}}
    with running(settings_for(tmp_path, redis_url), parts=parts) as service:
        assert service.chat(**extra).status == 200
    (call,) = provider.calls
    assert {name: call.body[name] for name in extra} == extra


@pytest.mark.parametrize("stream", [False, True])
def test_a_field_that_a_target_refuses_reaches_no_provider(
    tmp_path: Path, redis_url: str, stream: bool
) -> None:
    targets = TARGETS.replace(
        "provider: simulated", "provider: simulated\n    refuse_fields: [plugins]", 1
    )
    settings = settings_for(tmp_path / "home", redis_url)
    with running(settings, targets=targets) as service:
        reply = service.chat(plugins=[{"id": "web"}], stream=stream)
        assert reply.status == 400
        assert reply.error["type"] == "invalid_request_error"
        assert (reply.error["code"], reply.error["param"]) == ("field_refused", "plugins")
        assert "'plugins'" in reply.error["message"]
        assert service.chat(tools=[]).status == 200
        (_,) = usage_records(service.telemetry)


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_whose_request_is_billed_says_what_it_costs(
    tmp_path: Path, redis_url: str, stream: bool
) -> None:
    settings = settings_for(tmp_path / "home", redis_url)
    with running(settings, targets=SILENT) as service:
        reply = service.chat("x" * 400, stream=stream)
        late = service.chat(
            model="patient", stream=stream, headers={"x-gaugeway-deadline-ms": "300"}
        )
        records = usage_records(service.telemetry)
    assert reply.status == 504
    assert Decimal(reply.headers["x-gaugeway-cost-usd"]) == Decimal("0.208")
    assert reply.headers["x-gaugeway-tokens"] == "208"
    assert (late.status, late.error["code"]) == (504, "deadline_exceeded")
    told = [Decimal(reply.headers["x-gaugeway-cost-usd"]) for reply in (reply, late)]
    assert told == [Decimal(str(record["gaugeway.cost"])) for record in records]


def test_an_error_whose_request_used_nothing_says_nothing_of_cost(service: RunningService) -> None:
    reply = service.chat(model="down")
    assert reply.status == 503
    assert "x-gaugeway-cost-usd" not in reply.headers


def test_shutdown_lets_a_request_finish_within_its_grace(tmp_path: Path, redis_url: str) -> None:
    settings = settings_for(tmp_path, redis_url, shutdown_grace_seconds=5)
    with running(settings) as service:
        wish = json.dumps({"chunk_ms": 5})
        with service.open_stream(headers={"x-gaugeway-simulate": wish}) as stream:
            stream.read_until(b"data: ")
            service.stop_soon()
            assert b"[DONE]" in stream.read_to_end()
        refused = service.chat()
        assert refused.status == 503
        assert refused.error["code"] == "shutting_down"
        assert service.request("GET", "/readyz").status == 503
