"""Queries and sentences that rows of several applications share."""

from typing import Final

CALLS: Final = "gen_ai_client_operation_duration_seconds"
INPUT_TOKENS: Final = "gen_ai_client_inference_usage_input_tokens_total"
OUTPUT_TOKENS: Final = "gen_ai_client_inference_usage_output_tokens_total"
HTTP: Final = "http_server_request_duration_seconds"
OWN_OPERATIONS: Final = "gaugeway_operation_duration_seconds"

NO_SPEECH: Final = (
    "Not built yet: comes with speech, under the same metrics and an operation of its own."
)
NO_VOICE: Final = "Not built yet: comes with the voice workload."
NO_ROUTING: Final = "Not built yet: comes with routing between local and cloud models."
NO_PIPELINE: Final = "Not built yet: comes with the translation workload."


def p95(histogram: str, *by: str, window: str = "5m", matcher: str = "") -> str:
    """The 95th percentile of a histogram; `matcher` is what stands between its braces."""
    series = f"{histogram}_bucket{{{matcher}}}" if matcher else f"{histogram}_bucket"
    return f"histogram_quantile(0.95, sum by ({', '.join(['le', *by])}) (rate({series}[{window}])))"


def own_operation(name: str) -> str:
    """Says how an application records an operation of its own."""
    return (
        "Empty until the application has run it: an operation of its own, "
        f'`otel.operation("{name}")`. The workload itself is not built yet.'
    )


P95_BY_MODEL: Final = p95(CALLS, "gen_ai_request_model")
HTTP_P95: Final = p95(HTTP, "http_route")
