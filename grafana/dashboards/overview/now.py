"""What is wrong now: one number each, coloured by its thresholds."""

from grafana_foundation_sdk.builders.stat import Panel as StatPanel

from grafana.dashboards import thresholds
from grafana.dashboards.graphs import number
from grafana.dashboards.looks import up_or_down
from grafana.dashboards.queries import overview as queries
from grafana.dashboards.units import RATIO, SECONDS, USD


def health() -> list[StatPanel]:
    """Is it up, does it answer, and how fast."""
    return [
        number(
            "Service",
            "Whether the gateway answers its health check, asked from outside by the Collector.",
            queries.SERVICE_UP,
            thresholds.SERVICE_UP,
            unit="none",
            absent="unknown",
            mappings=[up_or_down()],
        ),
        number(
            "Error ratio",
            "Failed inferences of all inferences. A fallback that helped still counts the target "
            "that failed before it.",
            queries.ERROR_RATIO,
            thresholds.ERROR_RATIO,
            unit=RATIO,
            decimals=1,
        ),
        number(
            "Duration p95",
            "95 of 100 inferences took no longer, retries included.",
            queries.DURATION_NOW,
            thresholds.DURATION_SECONDS,
            unit=SECONDS,
        ),
        number(
            "First chunk p95",
            "95 of 100 streams sent their first chunk within this time.",
            queries.FIRST_CHUNK_NOW,
            thresholds.FIRST_CHUNK_SECONDS,
            unit=SECONDS,
            absent="no streams",
        ),
    ]


def spending() -> list[StatPanel]:
    """What it costs, what has no price, and what is under way."""
    return [
        number(
            "Cost per hour",
            "What an hour costs at the pace of the last five minutes.",
            queries.COST_PER_HOUR_NOW,
            thresholds.COST_PER_HOUR_USD,
            unit=USD,
        ),
        number(
            "Cost, 24 h",
            "What the last 24 hours cost, whatever time range is chosen above.",
            queries.COST_OF_A_DAY,
            thresholds.COST_PER_DAY_USD,
            unit=USD,
        ),
        number(
            "Unpriced, 24 h",
            "Inferences of the last 24 hours whose price is not known: their cost is missing "
            "everywhere here.",
            queries.UNPRICED_OF_A_DAY,
            thresholds.UNPRICED_OPERATIONS,
            unit="locale",
            decimals=0,
        ),
        number(
            "In progress",
            "Requests the service is answering at this moment, of every app.",
            queries.IN_PROGRESS,
            thresholds.IN_PROGRESS_REQUESTS,
            unit="locale",
            decimals=0,
            absent="unknown",
        ),
    ]
