"""One inference: its span, metrics and usage record agree, and it ends once on every path."""

import asyncio
import gc
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from otel import attributes as a
from otel import names
from otel.inference import Inference, Operation, Usage
from otel.settings import ApiSettings, Capture
from otel.testing import Recorded, recorded


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def telemetry(clock: Clock) -> Iterator[Recorded]:
    with recorded(clock=clock) as telemetry:
        yield telemetry


CHAT = Operation(
    "chat",
    "openai",
    "gpt-4o",
    app="shop",
    component="search",
    server_address="api.openai.com",
    server_port=443,
    target="primary",
    attributes={"gen_ai.request.max_tokens": 50},
)
STREAM = Operation("chat", "openai", "gpt-4o", app="shop", stream=True)


def _attributes(telemetry: Recorded) -> dict[str, Any]:
    (span,) = telemetry.spans()
    return dict(span.attributes or {})


def _usage(telemetry: Recorded) -> dict[str, Any]:
    (log,) = telemetry.logs(names.USAGE_BODY)
    return dict(log.log_record.attributes or {})


def test_a_completed_inference_is_one_span_one_record_and_its_metrics(
    telemetry: Recorded, clock: Clock
) -> None:
    with telemetry.telemetry.inference(CHAT) as inference:
        clock.now += 1.5
        inference.response(model="gpt-4o-2024", id="r1", finish_reasons=("stop",))
        inference.usage(Usage(12, 34, cache_read_tokens=8, reasoning_tokens=5))
        inference.cost(Decimal("0.000000123"), source="book 2026-11")
    (span,) = telemetry.spans("chat gpt-4o")
    assert span.kind is SpanKind.CLIENT
    assert span.status.status_code is StatusCode.UNSET
    assert _attributes(telemetry) == {
        a.OPERATION_NAME: "chat",
        a.PROVIDER_NAME: "openai",
        a.REQUEST_MODEL: "gpt-4o",
        a.RESPONSE_MODEL: "gpt-4o-2024",
        a.RESPONSE_ID: "r1",
        a.RESPONSE_FINISH_REASONS: ("stop",),
        a.SERVER_ADDRESS: "api.openai.com",
        a.SERVER_PORT: 443,
        a.APP: "shop",
        a.COMPONENT: "search",
        a.TARGET: "primary",
        a.OUTCOME: "completed",
        a.RETRY_COUNT: 0,
        a.USAGE_INPUT_TOKENS: 12,
        a.USAGE_OUTPUT_TOKENS: 34,
        a.USAGE_CACHE_READ: 8,
        a.USAGE_REASONING: 5,
        a.COST: "0.000000123",
        a.COST_SOURCE: "book 2026-11",
        "gen_ai.request.max_tokens": 50,
    }
    assert _usage(telemetry) == {
        a.OPERATION_NAME: "chat",
        a.PROVIDER_NAME: "openai",
        a.REQUEST_MODEL: "gpt-4o",
        a.RESPONSE_MODEL: "gpt-4o-2024",
        a.APP: "shop",
        a.COMPONENT: "search",
        a.TARGET: "primary",
        a.OUTCOME: "completed",
        a.LATENCY_MS: 1500.0,
        a.USAGE_INPUT_TOKENS: 12,
        a.USAGE_OUTPUT_TOKENS: 34,
        a.USAGE_CACHE_READ: 8,
        a.USAGE_REASONING: 5,
        a.COST: "0.000000123",
    }
    (log,) = telemetry.logs()
    assert span.context is not None
    assert log.log_record.trace_id == span.context.trace_id
    assert log.log_record.span_id == span.context.span_id
    assert telemetry.value(names.COST, gaugeway_app="shop") == 1.23e-07
    assert telemetry.value(names.OPERATION_DURATION) == 1
    assert telemetry.value(names.INPUT_TOKENS, gen_ai_token_modality="unknown") == 12
    assert telemetry.value(names.OUTPUT_TOKENS) == 34
    assert telemetry.value(names.CACHE_READ_TOKENS) == 8
    assert telemetry.value(names.REASONING_TOKENS) == 5
    assert telemetry.value(names.TOKEN_USAGE, gen_ai_token_type="output") == 1


def test_every_histogram_of_an_inference_carries_its_span_as_exemplar(
    telemetry: Recorded, clock: Clock
) -> None:
    inference = telemetry.telemetry.inference(STREAM)
    clock.now += 0.1
    inference.chunk()
    clock.now += 0.2
    inference.chunk()
    inference.usage(Usage(1, 2))
    inference.end()
    (span,) = telemetry.spans()
    assert span.context is not None
    wanted = (span.context.trace_id, span.context.span_id)
    metrics = telemetry.metrics()
    for metric in (
        names.OPERATION_DURATION,
        names.TIME_TO_FIRST_CHUNK,
        names.TIME_PER_OUTPUT_CHUNK,
        names.TOKEN_USAGE,
    ):
        for point in metrics[metric.name]:
            assert wanted in point.exemplars, metric.name


def test_a_stream_records_its_first_chunk_and_one_point_for_each_later_one(
    telemetry: Recorded, clock: Clock
) -> None:
    inference = telemetry.telemetry.inference(STREAM)
    clock.now += 0.25
    inference.chunk()
    for _ in range(150):
        clock.now += 0.02
        inference.chunk()
    inference.end()
    assert telemetry.value(names.TIME_TO_FIRST_CHUNK) == 1
    assert telemetry.value(names.TIME_PER_OUTPUT_CHUNK) == 150
    assert _attributes(telemetry)[a.RESPONSE_TIME_TO_FIRST_CHUNK] == pytest.approx(0.25)
    assert _attributes(telemetry)[a.REQUEST_STREAM] is True
    assert telemetry.value(names.STREAMS, gaugeway_stream_outcome="completed") == 1


def test_a_stream_is_never_current_between_its_chunks(telemetry: Recorded) -> None:
    inference = telemetry.telemetry.inference(STREAM)
    assert trace.get_current_span() is trace.INVALID_SPAN
    inference.end()


def test_a_plain_inference_is_current_inside_its_block_only(telemetry: Recorded) -> None:
    with telemetry.telemetry.inference(CHAT) as inference:
        assert trace.get_current_span() is inference.span
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_the_first_end_wins(telemetry: Recorded) -> None:
    inference = telemetry.telemetry.inference(STREAM)
    inference.end("client_disconnect")
    inference.end()
    inference.retry(error_type="late", delay_seconds=1)
    inference.chunk()
    assert _attributes(telemetry)[a.OUTCOME] == "client_disconnect"
    assert _attributes(telemetry)[a.RESPONSE_FINISH_REASONS] == ("error",)
    assert telemetry.value(names.STREAMS) == 1
    assert telemetry.value(names.RETRIES) == 0
    assert len(telemetry.logs()) == 1


def test_a_failure_names_its_type_everywhere_and_hides_credentials(telemetry: Recorded) -> None:
    inference = telemetry.telemetry.inference(CHAT)
    inference.provider_error(error_type="rate_limited", status=429, code="slow_down")
    inference.retry(error_type="rate_limited", delay_seconds=0.5)
    inference.provider_error(error_type="rate_limited", status=429, code="slow_down")
    inference.fail("rate_limited", "refused for Bearer abcdefgh12345")
    inference.end("provider_error")
    (span,) = telemetry.spans()
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description == "refused for Bearer [REDACTED]"
    assert _attributes(telemetry)[a.ERROR_TYPE] == "rate_limited"
    assert _attributes(telemetry)[a.RETRY_COUNT] == 1
    assert _attributes(telemetry)[a.RETRY_DELAY] == 0.5
    assert _usage(telemetry)[a.ERROR_TYPE] == "rate_limited"
    assert telemetry.value(names.OPERATION_DURATION, error_type="rate_limited") == 1
    assert telemetry.value(names.RETRIES) == 1
    wanted = {"http_response_status_code": 429, "gaugeway_provider_error_code": "slow_down"}
    assert telemetry.value(names.PROVIDER_ERRORS, **wanted, gaugeway_component="search") == 2


def test_the_counters_tell_of_a_failed_inference_with_zero_tokens(telemetry: Recorded) -> None:
    with pytest.raises(ValueError, match="x"), telemetry.telemetry.inference(CHAT):
        raise ValueError("x")
    (point,) = telemetry.metrics()[names.INPUT_TOKENS.name]
    assert point.value == 0
    assert point.attributes[a.TOKEN_MODALITY] == "unknown"
    assert names.TOKEN_USAGE.name not in telemetry.metrics()


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ValueError("x"), "provider_error"),
        (TimeoutError(), "timeout"),
        (asyncio.CancelledError(), "client_disconnect"),
        (GeneratorExit(), "abandoned"),
        (KeyboardInterrupt(), "shutdown"),
    ],
)
def test_an_exception_through_the_block_ends_it(
    telemetry: Recorded, error: BaseException, outcome: str
) -> None:
    with pytest.raises(type(error)), telemetry.telemetry.inference(CHAT):
        raise error
    assert _attributes(telemetry)[a.OUTCOME] == outcome


def test_an_inference_its_owner_forgot_is_ended_as_abandoned(telemetry: Recorded) -> None:
    telemetry.telemetry.inference(STREAM)
    gc.collect()
    telemetry.telemetry.end_abandoned()
    assert _attributes(telemetry)[a.OUTCOME] == "abandoned"
    assert telemetry.value(names.STREAMS, gaugeway_stream_outcome="abandoned") == 1


def test_an_unpriced_inference_has_no_cost_and_is_counted(telemetry: Recorded) -> None:
    with telemetry.telemetry.inference(CHAT) as inference:
        inference.cost(None)
    assert _usage(telemetry)[a.UNPRICED] is True
    assert a.COST not in _usage(telemetry)
    assert telemetry.value(names.UNPRICED_OPERATIONS, gen_ai_request_model="gpt-4o") == 1
    assert names.COST.name not in telemetry.metrics()


def test_audio_tokens_are_split_from_text(telemetry: Recorded) -> None:
    with telemetry.telemetry.inference(CHAT) as inference:
        inference.usage(Usage(100, 50, input_audio_tokens=30))
    assert telemetry.value(names.INPUT_TOKENS, gen_ai_token_modality="audio") == 30
    assert telemetry.value(names.INPUT_TOKENS, gen_ai_token_modality="text") == 70
    assert telemetry.value(names.OUTPUT_TOKENS, gen_ai_token_modality="unknown") == 50


def test_embeddings_have_no_output_tokens(telemetry: Recorded) -> None:
    with telemetry.telemetry.inference(Operation("embeddings", "openai", "small")) as inference:
        inference.usage(Usage(7, 0))
    assert a.USAGE_OUTPUT_TOKENS not in _attributes(telemetry)
    assert names.OUTPUT_TOKENS.name not in telemetry.metrics()
    assert telemetry.value(names.INPUT_TOKENS) == 7


def test_an_estimate_is_marked(telemetry: Recorded) -> None:
    inference = telemetry.telemetry.inference(STREAM)
    inference.usage(Usage(7, 3, estimated=True))
    inference.end("client_disconnect")
    assert _attributes(telemetry)[a.USAGE_ESTIMATED] is True
    assert _usage(telemetry)[a.USAGE_ESTIMATED] is True


MESSAGES = [{"role": "user", "parts": [{"type": "text", "content": "my key is sk-abcdefgh12"}]}]


def _converse(telemetry: Recorded) -> Inference:
    with telemetry.telemetry.inference(CHAT) as inference:
        inference.content(input_messages=MESSAGES, output_messages=MESSAGES)
    return inference


def test_content_is_dropped_by_default(telemetry: Recorded) -> None:
    _converse(telemetry)
    assert a.INPUT_MESSAGES not in _attributes(telemetry)
    assert a.INPUT_MESSAGES not in _usage(telemetry)


@pytest.mark.parametrize("capture", list(Capture))
def test_content_goes_where_the_setting_says_redacted(capture: Capture) -> None:
    with recorded(settings=ApiSettings(capture=capture)) as telemetry:
        _converse(telemetry)
        assert (a.INPUT_MESSAGES in _attributes(telemetry)) is capture.on_span
        assert (a.OUTPUT_MESSAGES in _usage(telemetry)) is capture.on_event
        for kept in (_attributes(telemetry), _usage(telemetry)):
            assert "abcdefgh12" not in str(kept)


def test_content_is_cut_at_the_limit() -> None:
    settings = ApiSettings(capture=Capture.SPAN_ONLY, content_characters=40)
    with recorded(settings=settings) as telemetry:
        _converse(telemetry)
        text = _attributes(telemetry)[a.INPUT_MESSAGES]
    assert len(text) == 40
    assert text.endswith("[truncated]")


@pytest.mark.parametrize(
    ("text", "capture"),
    [
        ("span_only", Capture.SPAN_ONLY),
        ("SPAN_AND_EVENT", Capture.SPAN_AND_EVENT),
        ("true", Capture.NO_CONTENT),
        ("", Capture.NO_CONTENT),
    ],
)
def test_capture_is_read_from_the_variable_of_util_genai(text: str, capture: Capture) -> None:
    variables = {"OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT": text}
    assert ApiSettings.from_environment(variables).capture is capture


def test_what_a_provider_says_of_its_answer_is_cut_to_a_bearable_length(
    telemetry: Recorded,
) -> None:
    long = "x" * 1_000_000
    with telemetry.telemetry.inference(CHAT) as inference:
        inference.response(
            model=long,
            id=long,
            finish_reasons=(long,) * 5000,
            attributes={"openai.response.system_fingerprint": long},
        )
    found = [*_attributes(telemetry).values(), *_usage(telemetry).values()]
    texts = [value for value in found if isinstance(value, str)]
    assert max(map(len, texts)) == 256
    reasons = _attributes(telemetry)["gen_ai.response.finish_reasons"]
    assert len(reasons) == 128
    assert {len(reason) for reason in reasons} == {256}
