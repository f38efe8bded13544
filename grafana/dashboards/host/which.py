"""Which: processes, file systems and the requests that may have felt it."""

from typing import Final

from grafana_foundation_sdk.builders.logs import Panel as LogsPanel
from grafana_foundation_sdk.builders.table import Panel as TablePanel

from grafana.dashboards import thresholds
from grafana.dashboards.queries import host as queries
from grafana.dashboards.queries import records
from grafana.dashboards.selectors import INSTANCE, label
from grafana.dashboards.tables import Column, log_lines, metrics_table, requests_table
from grafana.dashboards.units import BYTES, RATIO, SECONDS
from otel import attributes as a

_COUNT: Final = Column(unit="locale", decimals=0, width=80)
_BYTES: Final = Column(unit=BYTES, decimals=1, width=100)


def tables() -> list[TablePanel]:
    """Which process, which file system."""
    return [
        metrics_table(
            "Processes of the service",
            "Every process that ran within the time range; one that ended has no memory any more.",
            queries.WORKERS,
            names={label(INSTANCE): "Process"},
            columns={
                "CPU": Column(unit="short", decimals=2, width=80),
                "Memory": Column(
                    unit=BYTES,
                    decimals=0,
                    width=100,
                    limits=thresholds.PROCESS_MEMORY_BYTES,
                    absent="ended",
                ),
                "Threads": _COUNT,
                "Files": _COUNT,
                "Lag p99": Column(unit=SECONDS, width=95, limits=thresholds.EVENT_LOOP_LAG_SECONDS),
            },
            sort_by="Memory",
        ).span(14),
        metrics_table(
            "File systems",
            "Those that are on a disk, as they are now.",
            queries.FILE_SYSTEMS,
            names={"mountpoint": "Mounted at", "type": "Type"},
            columns={
                "Type": Column(width=80),
                "Used": Column(unit=RATIO, decimals=0, width=80, limits=thresholds.DISK_RATIO),
                "Free": _BYTES,
                "Size": _BYTES,
            },
            sort_by="Used",
        ).span(10),
    ]


def requests() -> list[TablePanel | LogsPanel]:
    """Which request: the slowest, and whatever the services said."""
    return [
        requests_table(
            "Slowest requests",
            "The ten slowest inferences of the time range, from the usage records.",
            records.SLOWEST_REQUESTS,
            names={
                label(a.REQUEST_MODEL): "Model",
                label(a.APP): "App",
                label(a.OUTCOME): "Outcome",
            },
            columns={
                "Latency": Column(
                    unit="ms",
                    width=100,
                    limits=thresholds.in_milliseconds(thresholds.DURATION_SECONDS),
                )
            },
            sort_by="Latency",
        ).span(24),
        log_lines(
            "Newest log records",
            "Whatever the services wrote last; open one for its attributes and trace.",
            records.RECENT_RECORDS,
        ),
    ]
