"""Why: from the applications through the Collector to the backends, over time."""

from typing import Final

from grafana_foundation_sdk.builders.timeseries import Panel as GraphPanel

from grafana.dashboards import thresholds
from grafana.dashboards.graphs import graph
from grafana.dashboards.looks import CRITICAL, WARNING
from grafana.dashboards.queries import pipeline as queries
from grafana.dashboards.units import BYTES, RATIO, SECONDS

_NO_METRICS: Final = "No application sent metrics in this time range"
_NO_COLLECTOR: Final = "No Collector was scraped in this time range"


def applications() -> list[GraphPanel]:
    """What applications' own telemetry says of itself."""
    return [
        graph(
            "Age of the newest metrics",
            "Seconds since each service's metrics were last taken; a service that fell silent is "
            "shown for another hour.",
            [queries.AGE],
            unit=SECONDS,
            limits=thresholds.TELEMETRY_AGE_SECONDS,
            absent=_NO_METRICS,
        ),
        graph(
            "Dropped by applications per second",
            "Items that never left the application: its queue was full, the export failed for "
            "good, or it stopped.",
            [queries.SDK_DROPS],
            unit="short",
            absent=_NO_METRICS,
        ),
        graph(
            "Label values over the limit",
            "Measurements in each interval that were counted under _OTHER, by metric and label.",
            [queries.OVERFLOW],
            unit="short",
            absent=_NO_METRICS,
        ),
    ]


def losses() -> list[GraphPanel]:
    """What the Collector takes, delivers and loses."""
    return [
        graph(
            "Taken in by the Collector per second",
            "What applications and the Collector's own receivers brought.",
            queries.ACCEPTED,
            unit="short",
            absent=_NO_COLLECTOR,
        ),
        graph(
            "Refused and lost by the Collector",
            "Items per second. What was refused may come again; what was lost or given up is gone.",
            queries.REFUSED_AND_LOST,
            unit="short",
            absent=_NO_COLLECTOR,
            colors={"refused.*": WARNING, "failed.*": WARNING, "lost.*|given.*": CRITICAL},
        ),
        graph(
            "Delivered to backends per second",
            "What backends confirmed.",
            queries.DELIVERED,
            unit="short",
            absent=_NO_COLLECTOR,
        ),
    ]


def resources() -> list[GraphPanel]:
    """What the Collector holds and uses."""
    return [
        graph(
            "Sending queues",
            "How full the queue before each backend is.",
            [queries.QUEUES],
            unit=RATIO,
            limits=thresholds.COLLECTOR_QUEUE_RATIO,
            absent=_NO_COLLECTOR,
        ),
        graph(
            "Memory of the Collector",
            "Resident memory. Where its limiter begins, senders are told to wait.",
            [queries.COLLECTOR_MEMORY],
            unit=BYTES,
            limits=thresholds.COLLECTOR_MEMORY_BYTES,
            absent=_NO_COLLECTOR,
        ),
        graph(
            "CPU of the Collector",
            "Processors in use: 1 is one whole processor.",
            [queries.COLLECTOR_CPU],
            unit="short",
            absent=_NO_COLLECTOR,
        ),
    ]


def books() -> list[GraphPanel]:
    """What of usage and budgets does not reach Redis."""
    return [
        graph(
            "Usage entries waiting on disk",
            "In the workers' journals, and in their memory alone what the disk refuses: Redis is "
            "away, or has come back and is catching up.",
            [queries.LEDGER_WAITING, queries.LEDGER_HELD],
            unit="locale",
            absent=_NO_METRICS,
        ),
        graph(
            "Usage entries lost",
            "Of each interval, by reason: a journal was full, or the disk refused it, and memory "
            "was full too; or a key in Redis holds something else, and they are missing there "
            "alone. They are missing from usage, cost and budgets for good.",
            [queries.LEDGER_LOST],
            unit="locale",
            absent=_NO_METRICS,
            colors={"journal_.*|key_.*": CRITICAL},
        ),
        graph(
            "Workers killed",
            "Of each interval: they ended without a word, and what their requests had reserved was "
            "entered as estimated.",
            [queries.WORKERS_LOST],
            unit="locale",
            absent=_NO_METRICS,
            colors={"killed": WARNING},
        ),
        graph(
            "Requests whose budgets were not asked",
            "Of each interval: Redis was away, or a budget's key holds something else, and "
            "requests went on.",
            [queries.UNCHECKED],
            unit="locale",
            absent=_NO_METRICS,
        ),
    ]


def backends() -> list[GraphPanel]:
    """What the backends say they got."""
    return [
        graph(
            "Taken in by backends per second",
            "By the backends' own count, whoever sent it. Prometheus counts what it scrapes too.",
            queries.TAKEN_IN,
            unit="short",
            absent="No backend was scraped in this time range",
        ),
        graph(
            "Series in Prometheus",
            "Series with a sample in the last hours. A steady climb is a label with too many "
            "values.",
            [queries.SERIES],
            unit="short",
            absent="Prometheus was not scraped in this time range",
        ),
        graph(
            "Points that could not be read per second",
            "By the Collector's own scrapers of the host, of Redis and of the service's health.",
            [queries.SCRAPE_ERRORS],
            unit="short",
            absent=_NO_COLLECTOR,
        ),
    ]
