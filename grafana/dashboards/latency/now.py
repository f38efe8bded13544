"""What is slow now: one number each, coloured by its thresholds."""

from grafana_foundation_sdk.builders.stat import Panel as StatPanel

from grafana.dashboards import thresholds
from grafana.dashboards.graphs import number
from grafana.dashboards.queries import latency as queries
from grafana.dashboards.units import RATIO, SECONDS


def numbers() -> list[StatPanel]:
    """Whole requests, then streams, the gateway's part and what ran out of time."""
    return [*_requests(), *_parts()]


def _requests() -> list[StatPanel]:
    return [
        number(
            "Duration p95",
            "95 of 100 inferences took no longer, retries included.",
            queries.DURATION_NOW,
            thresholds.DURATION_SECONDS,
            unit=SECONDS,
        ),
        number(
            "Duration p99",
            "99 of 100 inferences took no longer, retries included.",
            queries.SLOWEST_NOW,
            thresholds.DURATION_SECONDS,
            unit=SECONDS,
        ),
        number(
            f"Over {queries.SLOW_SECONDS:g} s",
            f"The share of inferences that took longer than {queries.SLOW_SECONDS:g} seconds: a "
            "bound of a bucket, so this is counted and not estimated.",
            queries.SLOW_NOW,
            thresholds.SLOW_RATIO,
            unit=RATIO,
            decimals=1,
        ),
        number(
            "Timeouts",
            "Attempts of the last five minutes that ran out of time.",
            queries.TIMEOUTS_NOW,
            thresholds.TIMEOUTS_IN_FIVE_MINUTES,
            unit="locale",
            decimals=0,
        ),
    ]


def _parts() -> list[StatPanel]:
    return [
        number(
            "First chunk p95",
            "95 of 100 streams sent their first chunk within this time.",
            queries.FIRST_CHUNK_NOW,
            thresholds.FIRST_CHUNK_SECONDS,
            unit=SECONDS,
            absent="no streams",
        ),
        number(
            "Per chunk p95",
            "95 of 100 chunks after a stream's first came within this time after the one before.",
            queries.OUTPUT_CHUNK_NOW,
            thresholds.OUTPUT_CHUNK_SECONDS,
            unit=SECONDS,
            absent="no streams",
        ),
        number(
            "Streams cut",
            "The share of streams that ended otherwise than complete or by their reader leaving.",
            queries.CUT_NOW,
            thresholds.CUT_STREAMS_RATIO,
            unit=RATIO,
            decimals=1,
            absent="no streams",
        ),
        number(
            "Gateway p95",
            "95 of 100 requests spent no more than this outside their providers. Of every app and "
            "model.",
            queries.GATEWAY_NOW,
            thresholds.GATEWAY_SECONDS,
            unit=SECONDS,
        ),
    ]
