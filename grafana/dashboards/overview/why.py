"""Why: traffic, latency, money and resilience over time."""

from grafana_foundation_sdk.builders.timeseries import Panel as GraphPanel

from grafana.dashboards import thresholds
from grafana.dashboards.graphs import graph
from grafana.dashboards.links import traces_search
from grafana.dashboards.looks import CRITICAL, GOOD, WARNING
from grafana.dashboards.queries import overview as queries
from grafana.dashboards.units import RATIO, SECONDS, USD


def traffic() -> list[GraphPanel]:
    """Who asks how much, and what fails."""
    failed = traces_search("Failed traces", queries.FAILED_TRACES)
    return [
        graph(
            "Inferences per second by model",
            "The busiest models of the time range.",
            [queries.REQUESTS_BY_MODEL],
            unit="reqps",
            stacked=True,
        ),
        graph(
            "Failures per second by type",
            "Inferences that failed, by the error their caller got; and requests that were refused "
            "before any provider was asked.",
            queries.FAILURES_BY_TYPE,
            unit="reqps",
            limits=thresholds.FAILURES_PER_SECOND,
            links=[failed],
        ),
        graph(
            "HTTP answers per second by status",
            "What callers were told, over every route and app.",
            [queries.ANSWERS_BY_STATUS],
            unit="reqps",
            stacked=True,
            colors={"2..": GOOD, "4..": WARNING, "5..": CRITICAL},
        ),
    ]


def latency() -> list[GraphPanel]:
    """How long it takes, and whose time that is."""
    slow = traces_search("Slow traces", queries.SLOW_TRACES)
    return [
        graph(
            "Inference duration",
            "From the call to the end of the answer or the stream, retries included.",
            queries.DURATION,
            unit=SECONDS,
            limits=thresholds.DURATION_SECONDS,
            links=[slow],
        ),
        graph(
            "Time to first chunk",
            "How long a stream's reader waits for the first chunk.",
            queries.FIRST_CHUNK,
            unit=SECONDS,
            absent="No streams in this time range",
            limits=thresholds.FIRST_CHUNK_SECONDS,
            links=[slow],
        ),
        graph(
            "The gateway's own time",
            "What the gateway adds to a request: all of it but the provider's time.",
            queries.GATEWAY_TIME,
            unit=SECONDS,
            limits=thresholds.GATEWAY_SECONDS,
        ),
    ]


def money() -> list[GraphPanel]:
    """What is spent, in dollars and tokens, and what the cache saved."""
    return [
        graph(
            "Cost per hour by model",
            "The dearest models of the time range, in US dollars per hour at each moment's pace.",
            [queries.COST_PER_HOUR_BY_MODEL],
            unit=USD,
            stacked=True,
        ),
        graph(
            "Tokens per second",
            "Tokens read from the provider's cache are part of the input, reasoning is part of the "
            "output.",
            queries.TOKENS_PER_SECOND,
            unit="short",
        ),
        graph(
            "Response cache hit ratio",
            "Hits of all requests the cache was asked about. A hit costs nothing and asks no "
            "provider. Empty while no request may be answered from the cache.",
            [queries.CACHE_HIT_RATIO],
            unit=RATIO,
            limits=thresholds.CACHE_HIT_RATIO,
            absent="No request asked the cache in this time range",
            maximum=1,
        ),
    ]


def resilience() -> list[GraphPanel]:
    """What fails at providers, and what the gateway makes of it."""
    return [
        graph(
            "Failed attempts per second",
            "Every failed attempt at a provider, those that a retry made good too, by provider "
            "and type.",
            queries.FAILED_ATTEMPTS,
            unit="reqps",
            limits=thresholds.FAILURES_PER_SECOND,
        ),
        graph(
            "Retries, fallbacks and timeouts per second",
            "Retries stay with a target, a fallback goes to the next, a timeout ends an attempt.",
            queries.RETRIES_AND_FALLBACKS,
            unit="ops",
        ),
        graph(
            "Streams per second by how they ended",
            "A stream ends once: completed, or cut by the provider, the client, a timeout or a "
            "shutdown.",
            [queries.STREAMS_BY_OUTCOME],
            unit="ops",
            absent="No streams in this time range",
            stacked=True,
            colors={"completed": GOOD, "client_disconnect": WARNING, "provider_error": CRITICAL},
        ),
    ]
