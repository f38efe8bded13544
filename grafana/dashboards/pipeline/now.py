"""What is wrong now: one number each, coloured by its thresholds."""

from grafana_foundation_sdk.builders.stat import Panel as StatPanel

from grafana.dashboards import thresholds
from grafana.dashboards.graphs import number
from grafana.dashboards.looks import up_or_down
from grafana.dashboards.queries import pipeline as queries
from grafana.dashboards.units import BYTES, RATIO, SECONDS


def numbers() -> list[StatPanel]:
    """Does it arrive, and is anything lost."""
    return [*_collector(), *_room(), *_applications()]


def _applications() -> list[StatPanel]:
    return [
        number(
            "Age of metrics",
            "Seconds since the newest metrics of the service that was heard of longest ago.",
            queries.AGE_NOW,
            thresholds.TELEMETRY_AGE_SECONDS,
            unit=SECONDS,
            decimals=0,
            absent="no metrics",
        ),
        number(
            "Dropped by apps",
            "Spans, log records and pushes of metrics that applications could not send in the last "
            "five minutes.",
            queries.SDK_DROPS_NOW,
            thresholds.LOST_ITEMS,
            unit="short",
            absent="no metrics",
        ),
        number(
            "Label overflow",
            "Measurements of the last 24 hours one of whose labels became _OTHER, because it had "
            "too many values.",
            queries.OVERFLOW_OF_A_DAY,
            thresholds.OVERFLOWED_MEASUREMENTS,
            unit="short",
            absent="no metrics",
        ),
    ]


def _collector() -> list[StatPanel]:
    return [
        number(
            "Collector",
            "Whether Prometheus can reach the Collector; of several the one that is down.",
            queries.COLLECTOR_UP,
            thresholds.COLLECTOR_UP,
            unit="none",
            absent="unknown",
            mappings=[up_or_down()],
        ),
        number(
            "Refused",
            "Items of the last five minutes that the Collector did not take. Whoever sent them "
            "may try again.",
            queries.REFUSED_NOW,
            thresholds.REFUSED_ITEMS,
            unit="short",
            absent="unknown",
        ),
        number(
            "Lost",
            "Items of the last five minutes that the Collector lost to a full queue or gave up "
            "after all retries.",
            queries.LOST_NOW,
            thresholds.LOST_ITEMS,
            unit="short",
            absent="unknown",
        ),
    ]


def _room() -> list[StatPanel]:
    """What the Collector has left before it refuses or loses something."""
    return [
        number(
            "Fullest queue",
            "How full the fullest sending queue of the Collector is. Past 100 % it loses data.",
            queries.QUEUE_FILL_NOW,
            thresholds.COLLECTOR_QUEUE_RATIO,
            unit=RATIO,
            decimals=0,
            absent="unknown",
        ),
        number(
            "Collector memory",
            "Resident memory of the largest Collector.",
            queries.MEMORY_NOW,
            thresholds.COLLECTOR_MEMORY_BYTES,
            unit=BYTES,
            decimals=0,
            absent="unknown",
        ),
    ]
