"""What is wrong now: one number each, coloured by its thresholds."""

from typing import Final

from grafana_foundation_sdk.builders.stat import Panel as StatPanel

from grafana.dashboards import thresholds
from grafana.dashboards.graphs import number
from grafana.dashboards.queries import provider_health as queries
from grafana.dashboards.units import RATIO, SECONDS

_MAY_FAIL: Final = f"{thresholds.PROVIDER_ERROR_BUDGET_RATIO:.0%}"


def numbers() -> list[StatPanel]:
    """Do providers answer, do they refuse us, and how much is left."""
    return [*_answers(), *_incidents()]


def _answers() -> list[StatPanel]:
    return [
        number(
            "Success ratio",
            "Inferences that no fault of their provider ended, of all, retries included.",
            queries.SUCCESS_RATIO,
            thresholds.SUCCESS_RATIO,
            unit=RATIO,
            decimals=1,
        ),
        number(
            "Failed attempts",
            "Attempts at a provider that failed, per second; those that a retry made good too.",
            queries.FAILED_ATTEMPTS_NOW,
            thresholds.FAILURES_PER_SECOND,
            unit="reqps",
        ),
        number(
            "Duration p95",
            "95 of 100 inferences took no longer, retries included.",
            queries.DURATION_NOW,
            thresholds.PROVIDER_SECONDS,
            unit=SECONDS,
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


def _incidents() -> list[StatPanel]:
    return [
        number(
            "Rate limited (429)",
            "Attempts of the last five minutes that a provider asked to come later.",
            queries.RATE_LIMITED_NOW,
            thresholds.RATE_LIMITED_ATTEMPTS,
            unit="locale",
            decimals=0,
        ),
        number(
            "401 and 402, 24 h",
            "Attempts of the last 24 hours that were refused for our key (401) or our account's "
            "credit (402). Neither mends itself.",
            queries.CREDENTIALS_OF_A_DAY,
            thresholds.CREDENTIAL_FAILURES,
            unit="locale",
            decimals=0,
        ),
        number(
            "Lowest headroom",
            "The least that any provider has left of its limits, by the headers of its last answer "
            "within a minute.",
            queries.HEADROOM_NOW,
            thresholds.HEADROOM_RATIO,
            unit=RATIO,
            decimals=0,
            absent="not told",
        ),
        number(
            "Error budget used",
            f"Failed inferences of the last 24 hours, of the {_MAY_FAIL} that may fail. Past 100 % "
            "the providers failed more than they may.",
            queries.BUDGET_USED,
            thresholds.ERROR_BUDGET_USED_RATIO,
            unit=RATIO,
            decimals=0,
        ),
    ]
