"""The dashboard "Host and runtime": the machine, the service's processes and Redis."""

from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard

from grafana.dashboards.host import now, which, why
from grafana.dashboards.layout import dashboard

UID: Final = "host-and-runtime"


def host_and_runtime() -> Dashboard:
    """The dashboard, laid out for 1400 pixels and more."""
    return dashboard(
        UID,
        "Host and runtime",
        "Whether the machine, the service's processes and Redis have what they need. The host is "
        "the one that the Collector runs on; app, provider and model narrow the requests alone.",
        {
            "Now: the last five minutes": now.numbers(),
            "The machine: processors and memory": why.processors(),
            "The machine: disks and network": why.devices(),
            "The service's processes": why.processes(),
            "Python": why.runtime(),
            "Redis: what it holds": why.redis(),
            "Redis: what is asked of it; the dots are exemplars, each opens its trace": (
                why.redis_load()
            ),
            "Processes and file systems": which.tables(),
            "Requests that may have felt it: each trace id opens its trace": which.requests(),
        },
    )
