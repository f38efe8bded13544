"""The dashboard "Telemetry pipeline": whether what is measured arrives, and where it is lost."""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana.dashboards.layout import dashboard
from grafana.dashboards.pipeline import now, which, why

UID: Final = "telemetry-pipeline"


def telemetry_pipeline() -> Dashboard:
    """The dashboard, laid out for 1400 pixels and more."""
    return dashboard(
        UID,
        "Telemetry pipeline",
        "Whether spans, metrics and logs arrive, and where they are lost if they do not. What "
        "Prometheus scrapes itself knows no environment and no app.",
        {
            "Now: the last five minutes": now.numbers(),
            "Applications: what is sent, dropped and late": why.applications(),
            "The Collector: what goes through and what is lost": why.losses(),
            "The Collector: queues, memory and CPU": why.resources(),
            "Backends and scrapes": why.backends(),
            "The usage ledger without Redis": why.books(),
            "Receivers, exporters and components over the whole time range": which.tables(),
            "What arrived last: each line opens to its trace": which.records(),
        },
    )
