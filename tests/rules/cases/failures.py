"""When alerts on what fails fire."""

from __future__ import annotations

from tests.rules.case import Case, pushed

DEV = {"deployment_environment_name": "dev"}
SECOND = {"service_instance_id": "worker-2", "instance": "worker-2"}
MODEL = {"gen_ai_provider_name": "openai", "gen_ai_request_model": "gpt-4o"}


def answers(
    status: int, values: str, route: str = "/v1/chat/completions", **labels: str
) -> dict[str, str]:
    return pushed(
        "http_server_request_duration_seconds_count",
        values,
        http_route=route,
        http_response_status_code=str(status),
        **labels,
    )


def inferences(values: str, **labels: str) -> dict[str, str]:
    name = "gen_ai_client_operation_duration_seconds_count"
    return pushed(name, values, **MODEL, **labels)


def attempts(status: int, values: str, **labels: str) -> dict[str, str]:
    """Failed attempts at the provider."""
    name = "gaugeway_provider_errors_total"
    return pushed(name, values, **MODEL, http_response_status_code=str(status), **labels)


def look_ups(result: str, values: str) -> dict[str, str]:
    return pushed("gaugeway_cache_requests_total", values, gaugeway_cache_result=result)


CASES = (
    Case(
        "HighErrorRate",
        "one answer in nine is a 5xx, five of them after 1 minute 15",
        {**answers(200, "0+8x100"), **answers(502, "0+1x100")},
        silent=("6m",),
        fires="6m15s",
        labels=DEV,
        summary="11.11% of requests fail in dev",
    ),
    Case(
        "HighErrorRate",
        "two workers in production, beside an environment that is well",
        {
            **answers(200, "0+100x100"),
            **answers(500, "0+1x100", deployment_environment_name="prod"),
            **answers(200, "0+2x100", deployment_environment_name="prod", **SECOND),
        },
        silent=("6m",),
        fires="6m15s",
        labels={"deployment_environment_name": "prod"},
        summary="33.33% of requests fail in prod",
    ),
    Case(
        "HighErrorRate",
        "one answer in eleven",
        {**answers(200, "0+10x100"), **answers(502, "0+1x100")},
        silent=("6m15s", "20m"),
    ),
    Case(
        "HighErrorRate",
        "one failed request in a quiet hour",
        {**answers(200, "0 1x300"), **answers(500, "0x20 1x300")},
        silent=("6m", "11m", "30m"),
    ),
    Case(
        "HighErrorRate",
        "what callers do wrong, and an operator's page that fails",
        {
            **answers(200, "0+1x100"),
            **answers(400, "0+9x100"),
            **answers(429, "0+9x100"),
            **answers(500, "0+9x100", route="/admin/usage"),
        },
        silent=("6m15s", "20m"),
    ),
    Case(
        "ProviderFailures",
        "one inference in nineteen, five of them after 1 minute 15",
        {**inferences("0+18x100"), **inferences("0+1x100", error_type="timeout")},
        silent=("6m",),
        fires="6m15s",
        labels={**DEV, **MODEL},
        summary="5.263% of inferences at gpt-4o of openai in dev fail",
    ),
    Case(
        "ProviderFailures",
        "one inference in twenty-one",
        {**inferences("0+20x100"), **inferences("0+1x100", error_type="timeout")},
        silent=("6m15s", "20m"),
    ),
    Case(
        "ProviderFailures",
        "one failed inference in a quiet hour",
        inferences("0x20 1x300", error_type="failed"),
        silent=("6m", "11m", "30m"),
    ),
    Case(
        "ProviderFailures",
        "requests that no provider could have served, and our own shutdown",
        {
            **inferences("0+1x100"),
            **inferences("0+3x100", error_type="rejected"),
            **inferences("0+3x100", error_type="unsupported"),
            **inferences("0+3x100", error_type="too_large"),
            **inferences("0+3x100", error_type="shutdown"),
        },
        silent=("6m15s", "20m"),
    ),
    Case(
        "ProviderRateLimited",
        "a 429 each minute for 15 minutes",
        attempts(429, "0+1x60"),
        step="1m",
        silent=("15m45s",),
        fires="16m",
        labels={**DEV, **MODEL},
        summary="gpt-4o of openai in dev has answered 429 for 15 minutes",
    ),
    Case(
        "ProviderRateLimited",
        "a peak of ten minutes",
        attempts(429, "0+20x10 200x60"),
        step="1m",
        silent=("15m", "16m", "30m"),
    ),
    Case(
        "ProviderRateLimited",
        "overload, which is no limit of ours",
        attempts(503, "0+20x60"),
        step="1m",
        silent=("16m", "30m"),
    ),
    Case(
        "ProviderCredentials",
        "a single 401, which is the first sample of its counter",
        attempts(401, "_x40 1x100"),
        silent=("9m45s", "20m", "25m"),
        fires="10m",
        labels={**DEV, **MODEL, "http_response_status_code": "401"},
        summary="gpt-4o of openai in dev answers 401",
    ),
    Case(
        "ProviderCredentials",
        "a 401 at each of two workers, which is one alert",
        {**attempts(401, "_x40 1x100"), **attempts(401, "_x40 1x100", **SECOND)},
        silent=("9m45s",),
        fires="10m",
        labels={**DEV, **MODEL, "http_response_status_code": "401"},
        summary="gpt-4o of openai in dev answers 401",
    ),
    Case(
        "ProviderCredentials",
        "a single 402 long after the 0 that its process began with",
        attempts(402, "0 _x119 1x100"),
        silent=("29m45s", "40m", "45m"),
        fires="30m",
        labels={**DEV, **MODEL, "http_response_status_code": "402"},
        summary="gpt-4o of openai in dev answers 402",
    ),
    Case(
        "ProviderCredentials",
        "one more of a counter that began anew under the same name",
        attempts(401, "3x80 0 1x100"),
        silent=("12m", "20m15s"),
        fires="20m30s",
        labels={**DEV, **MODEL, "http_response_status_code": "401"},
        summary="gpt-4o of openai in dev answers 401",
    ),
    Case(
        "ProviderCredentials",
        "one long ago, whose counter comes back after an outage of the telemetry",
        attempts(401, "1x100 _x60 1x100"),
        silent=("24m45s", "41m", "45m", "50m"),
    ),
    Case(
        "ProviderCredentials",
        "other failures",
        {**attempts(403, "_x4 1x100"), **attempts(429, "_x4 1x100"), **attempts(500, "_x4 1x100")},
        silent=("1m", "1m15s", "10m"),
    ),
    Case(
        "CacheHitLow",
        "four hits in ten look-ups",
        {**look_ups("hit", "0+4x200"), **look_ups("miss", "0+6x200")},
        silent=("15m15s",),
        fires="15m30s",
        labels=DEV,
        summary="The response cache in dev helps 40% of the requests that may use it",
    ),
    Case(
        "CacheHitLow",
        "no hit at all, which has no series",
        look_ups("miss", "0+10x200"),
        silent=("15m15s",),
        fires="15m30s",
        labels=DEV,
        summary="The response cache in dev helps 0% of the requests that may use it",
    ),
    Case(
        "CacheHitLow",
        "six hits in ten look-ups",
        {**look_ups("hit", "0+6x200"), **look_ups("miss", "0+4x200")},
        silent=("15m30s", "45m"),
    ),
    Case(
        "CacheHitLow",
        "a few look-ups, and many requests that pass it by",
        {**look_ups("miss", "0x4 19x200"), **look_ups("bypass", "0+10x200")},
        silent=("16m30s", "30m"),
    ),
)
