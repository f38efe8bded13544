"""Why: each time as percentiles, by model and as a heat map, and whose time it is."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders.heatmap import Panel as HeatmapPanel
from grafana_foundation_sdk.builders.timeseries import Panel as GraphPanel

from grafana.dashboards import thresholds
from grafana.dashboards.graphs import graph, records_graph
from grafana.dashboards.heatmaps import heat_map
from grafana.dashboards.links import traces_search
from grafana.dashboards.looks import CRITICAL, GOOD, WARNING
from grafana.dashboards.queries import latency as queries
from grafana.dashboards.queries import records
from grafana.dashboards.queries.overview import SLOW_TRACES
from grafana.dashboards.queries.query import Query
from grafana.dashboards.thresholds import Limits
from grafana.dashboards.units import SECONDS

Panels = list[GraphPanel | HeatmapPanel]
_NO_STREAMS = "No streams in this time range"


def duration() -> Panels:
    """Of whole inferences."""
    return _three_views(
        "Inference duration",
        "From the call to the end of the answer or the stream, retries included.",
        (queries.DURATION, queries.DURATION_BY_MODEL, queries.DURATION_HEAT),
        thresholds.DURATION_SECONDS,
    )


def first_chunk() -> Panels:
    """How long the reader of a stream waits."""
    return _three_views(
        "Time to first chunk",
        "How long a stream's reader waits for the first chunk.",
        (queries.FIRST_CHUNK, queries.FIRST_CHUNK_BY_MODEL, queries.FIRST_CHUNK_HEAT),
        thresholds.FIRST_CHUNK_SECONDS,
        absent=_NO_STREAMS,
    )


def output_chunk() -> Panels:
    """The pace of a stream once it flows."""
    return _three_views(
        "Time per output chunk",
        "From one chunk of a stream to the next.",
        (queries.OUTPUT_CHUNK, queries.OUTPUT_CHUNK_BY_MODEL, queries.OUTPUT_CHUNK_HEAT),
        thresholds.OUTPUT_CHUNK_SECONDS,
        absent=_NO_STREAMS,
    )


def gateway() -> Panels:
    """What the gateway adds, and how little that is beside the provider."""
    return [
        graph(
            "The gateway's own time",
            "What the gateway adds to a request: all of it but the provider's time. Of every app "
            "and model.",
            queries.GATEWAY,
            unit=SECONDS,
            limits=thresholds.GATEWAY_SECONDS,
        ),
        graph(
            "Whose time: provider and gateway",
            "On average: an inference at its provider, with retries, and what the gateway adds to "
            "a request.",
            queries.WHOSE_TIME,
            unit=SECONDS,
            stacked=True,
        ),
        heat_map(
            "The gateway's own time, all requests",
            "Each request by the time that the gateway added to it.",
            queries.GATEWAY_HEAT,
            unit=SECONDS,
        ),
    ]


def streams() -> Panels:
    """How streams end, and what long prompts do to time."""
    milliseconds = thresholds.in_milliseconds(thresholds.DURATION_SECONDS)
    return [
        graph(
            "Streams per second by how they ended",
            "A stream ends once: completed, or cut by the provider, the client, a timeout or a "
            "shutdown.",
            [queries.STREAMS_BY_OUTCOME],
            unit="ops",
            absent=_NO_STREAMS,
            stacked=True,
            colors={"completed": GOOD, "client_disconnect": WARNING, "provider_error": CRITICAL},
        ).span(12),
        records_graph(
            "Duration p95 by tokens of the prompt",
            "95 of 100 inferences with a prompt of that many tokens took no longer. From the usage "
            "records; without those that failed, which have no tokens.",
            records.LATENCY_BY_PROMPT_SIZE,
            unit="ms",
            limits=milliseconds,
            absent="No usage records in this time range",
        ).span(12),
    ]


def _three_views(
    title: str,
    description: str,
    views: tuple[Sequence[Query], Query, Query],
    limits: Limits,
    *,
    absent: str = "No traffic in this time range",
) -> Panels:
    percentiles, models, heat = views
    slow = traces_search("Slow traces", SLOW_TRACES)
    return [
        graph(
            title,
            description,
            percentiles,
            unit=SECONDS,
            limits=limits,
            absent=absent,
            links=[slow],
        ),
        graph(
            f"{title}, p95 by model",
            f"{description} The models that are asked most.",
            [models],
            unit=SECONDS,
            limits=limits,
            absent=absent,
        ),
        heat_map(
            f"{title}, all of them",
            f"{description} Two bands are two kinds of requests; a percentile would hide one.",
            heat,
            unit=SECONDS,
        ),
    ]
