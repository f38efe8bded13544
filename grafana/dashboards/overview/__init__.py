"""The dashboard "GenAI overview": what is wrong, then why, then which request."""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana.dashboards.layout import dashboard
from grafana.dashboards.overview import now, which, why

UID: Final = "genai-overview"


def genai_overview() -> Dashboard:
    """The dashboard, laid out for 1400 pixels and more."""
    return dashboard(
        UID,
        "GenAI overview",
        "What LLM requests do, what they cost, and which of them to look at.",
        {
            "Now: the last five minutes": now.health() + now.spending(),
            "Traffic and errors": why.traffic(),
            "Latency: the dots are exemplars, each opens its trace": why.latency(),
            "Cost, tokens and cache": why.money(),
            "What the gateway did about failing providers": why.resilience(),
            "Models and apps over the whole time range": which.rankings(),
            "Requests: each trace id opens its trace": which.requests(),
        },
    )
