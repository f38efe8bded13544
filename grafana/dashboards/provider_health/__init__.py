"""The dashboard "Provider health": which provider fails, how, and at which request."""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana.dashboards.layout import dashboard
from grafana.dashboards.provider_health import now, which, why

UID: Final = "provider-health"


def provider_health() -> Dashboard:
    """The dashboard, laid out for 1400 pixels and more."""
    return dashboard(
        UID,
        "Provider health",
        "Whether the providers of models answer, how fast, and how much more they will take.",
        {
            "Now: the last five minutes, and what lasts for a day": now.numbers(),
            "Success and failure": why.failures(),
            "Limits, credentials and the error budget": why.limits(),
            "Latency: the dots are exemplars, each opens its trace": why.latency(),
            "What the gateway did about it": why.resilience(),
            "Providers and errors over the whole time range": which.rankings(),
            "Failed requests: each trace id opens its trace": which.requests(),
        },
    )
