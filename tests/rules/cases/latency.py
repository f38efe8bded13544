"""When alerts on time fire."""

from __future__ import annotations

from tests.rules.case import Case, histogram, pushed

DURATION = "gen_ai_client_operation_duration_seconds"
FIRST_CHUNK = "gen_ai_client_operation_time_to_first_chunk_seconds"
DEV = {"deployment_environment_name": "dev"}
MODEL = {"gen_ai_provider_name": "openai", "gen_ai_request_model": "gpt-4o"}
ONE_REQUEST = {
    **pushed(f"{DURATION}_bucket", "0x4 1x200", le="+Inf", **MODEL),
    **pushed(f"{DURATION}_count", "0x4 1x200", **MODEL),
}

CASES = (
    Case(
        "HighLatency",
        "a p95 of 19.97 s, of ten requests after 2 minutes 30",
        histogram(DURATION, ("10.24", "20.48"), 100, **MODEL),
        silent=("7m15s",),
        fires="7m30s",
        labels=DEV,
        summary="p95 of inferences in dev is 19.97s",
    ),
    Case(
        "HighLatency",
        "a p95 of 9.98 s",
        histogram(DURATION, ("5.12", "10.24"), 100, **MODEL),
        silent=("7m30s", "20m"),
    ),
    Case(
        "HighLatency",
        "one slow request in a quiet hour",
        ONE_REQUEST,
        silent=("6m", "7m30s", "30m"),
    ),
    Case(
        "SlowResponses",
        "a p95 of 2.5 s",
        histogram(DURATION, ("1.28", "2.56"), 100, **MODEL),
        silent=("7m15s",),
        fires="7m30s",
        labels=DEV,
        summary="p95 of inferences in dev is 2.496s",
    ),
    Case(
        "SlowResponses",
        "a p95 of 1.25 s",
        histogram(DURATION, ("0.64", "1.28"), 100, **MODEL),
        silent=("7m30s", "20m"),
    ),
    Case(
        "SlowResponses",
        "one slow request in a quiet hour",
        ONE_REQUEST,
        silent=("6m", "7m30s", "30m"),
    ),
    Case(
        "ProviderLatencyHigh",
        "one model's p95 of 9.98 s, another's of 1.25 s",
        {
            **histogram(DURATION, ("5.12", "10.24"), 100, **MODEL),
            **histogram(
                DURATION,
                ("0.64", "1.28"),
                100,
                gen_ai_provider_name="anthropic",
                gen_ai_request_model="claude",
            ),
        },
        silent=("7m15s",),
        fires="7m30s",
        labels={**DEV, **MODEL},
        summary="gpt-4o of openai in dev is slow: p95 9.984s",
    ),
    Case(
        "ProviderLatencyHigh",
        "a p95 of 4.99 s",
        histogram(DURATION, ("2.56", "5.12"), 100, **MODEL),
        silent=("7m30s", "20m"),
    ),
    Case(
        "ProviderLatencyHigh",
        "one slow request in a quiet hour",
        ONE_REQUEST,
        silent=("6m", "7m30s", "30m"),
    ),
    Case(
        "SlowFirstChunk",
        "a p95 of 4.99 s",
        histogram(FIRST_CHUNK, ("2.56", "5.12"), 100, **MODEL),
        silent=("7m15s",),
        fires="7m30s",
        labels={**DEV, **MODEL},
        summary="Streams of gpt-4o of openai in dev start late: p95 4.992s",
    ),
    Case(
        "SlowFirstChunk",
        "a p95 of 2.5 s",
        histogram(FIRST_CHUNK, ("1.28", "2.56"), 100, **MODEL),
        silent=("7m30s", "20m"),
    ),
)
