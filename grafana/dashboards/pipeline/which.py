"""Which: receivers, exporters, components and the newest records."""

from typing import Final

from grafana_foundation_sdk.builders.logs import Panel as LogsPanel
from grafana_foundation_sdk.builders.table import Panel as TablePanel

from grafana.dashboards import thresholds
from grafana.dashboards.queries import pipeline as queries
from grafana.dashboards.queries.records import RECENT_RECORDS
from grafana.dashboards.tables import Column, log_lines, metrics_table
from grafana.dashboards.units import BYTES, RATIO

_SIGNAL: Final = Column(width=90)
_ITEMS: Final = Column(unit="short", width=95)
_LOST: Final = Column(unit="short", width=90, limits=thresholds.LOST_ITEMS)
_YES_OR_NO: Final = Column(unit="bool_yes_no", width=100, limits=thresholds.COLLECTOR_UP)


def tables() -> list[TablePanel]:
    """Which way in, which way out, which component."""
    return [*_ways(), _components()]


def _ways() -> list[TablePanel]:
    return [
        metrics_table(
            "Receivers of the Collector",
            "What each receiver took in, refused and failed to take within the time range.",
            queries.RECEIVERS,
            names={"receiver": "Receiver", "data_type": "Signal"},
            columns={
                "Signal": _SIGNAL,
                "Taken in": _ITEMS,
                "Refused": _LOST,
                "Failed": _LOST,
            },
            sort_by="Taken in",
        ).span(12),
        metrics_table(
            "Exporters of the Collector",
            "What each exporter delivered and gave up within the time range, and how full its "
            "queue is now.",
            queries.EXPORTERS,
            names={"exporter": "Exporter", "data_type": "Signal"},
            columns={
                "Signal": _SIGNAL,
                "Delivered": _ITEMS,
                "Given up": _LOST,
                "Queue": Column(
                    unit=RATIO, decimals=0, width=80, limits=thresholds.COLLECTOR_QUEUE_RATIO
                ),
            },
            sort_by="Delivered",
        ).span(12),
    ]


def _components() -> TablePanel:
    return metrics_table(
        "Components that Prometheus scrapes",
        "Whether each is up now, whether it was up all the time, and its resident memory.",
        queries.COMPONENTS,
        names={"job": "Component", "instance": "Address"},
        columns={
            "Address": Column(width=300),
            "Up": _YES_OR_NO,
            "Always": _YES_OR_NO,
            "Memory": Column(unit=BYTES, decimals=0, width=120),
        },
        sort_by="Memory",
    ).span(24)


def records() -> list[LogsPanel]:
    """The newest log records that arrived, whoever sent them."""
    return [
        log_lines(
            "Newest log records",
            "Whatever arrived last from any service; open one for its attributes and trace.",
            RECENT_RECORDS,
        )
    ]
