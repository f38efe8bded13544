"""The dashboard "Latency and streaming": what is slow, whose time it is, then which request."""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana.dashboards.latency import now, which, why
from grafana.dashboards.layout import dashboard

UID: Final = "latency-and-streaming"


def latency_and_streaming() -> Dashboard:
    """The dashboard, laid out for 1400 pixels and more."""
    return dashboard(
        UID,
        "Latency and streaming",
        "How long LLM requests take, whose time that is, and which of them were slow.",
        {
            "Now: the last five minutes": now.numbers(),
            "Duration: the dots are exemplars, each opens its trace": why.duration(),
            "Time to first chunk": why.first_chunk(),
            "Time per output chunk": why.output_chunk(),
            "The gateway's own time, apart from the provider's": why.gateway(),
            "Streams, and time by the size of the prompt": why.streams(),
            "Models over the whole time range": which.rankings(),
            "Prompts and requests: each trace id opens its trace": which.requests(),
        },
    )
