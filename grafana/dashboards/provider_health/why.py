"""Why: failures, limits, latency, and what was done about them, over time."""

from grafana_foundation_sdk.builders.heatmap import Panel as HeatmapPanel
from grafana_foundation_sdk.builders.timeseries import Panel as GraphPanel

from grafana.dashboards import thresholds
from grafana.dashboards.graphs import graph
from grafana.dashboards.heatmaps import heat_map
from grafana.dashboards.links import traces_search
from grafana.dashboards.looks import CRITICAL, GOOD, NEUTRAL, WARNING
from grafana.dashboards.queries import provider_health as queries
from grafana.dashboards.queries.latency import DURATION_HEAT
from grafana.dashboards.units import PER_SECOND, RATIO, SECONDS


def failures() -> list[GraphPanel]:
    """How many calls fail, where, and what the provider said."""
    failed = traces_search("Failed traces", queries.FAILED_TRACES)
    return [
        graph(
            "Calls per second",
            "Inferences by how they ended. A fallback that helped still counts the target that "
            "failed before it.",
            queries.CALLS_BY_RESULT,
            unit="reqps",
            stacked=True,
            colors={"succeeded": GOOD, "failed": CRITICAL, "not the provider's fault": NEUTRAL},
            links=[failed],
        ),
        graph(
            "Failure ratio by provider and model",
            "Failed inferences of all, for the models that were asked most. What the provider "
            "cannot help is not counted: requests it could not serve, our shutdown.",
            [queries.FAILURE_RATIO],
            unit=RATIO,
            limits=thresholds.ERROR_RATIO,
            links=[failed],
        ),
        graph(
            "Failed attempts per second by status",
            "What providers answered to each failed attempt. 200: the answer broke off or made no "
            "sense.",
            [queries.ATTEMPTS_BY_STATUS],
            unit="reqps",
            absent="No attempt failed in this time range",
            stacked=True,
        ),
    ]


def limits() -> list[GraphPanel]:
    """What providers refuse us for, and how much is left."""
    return [
        graph(
            "429, 401 and 402 by provider",
            "Attempts in each interval that were refused for the rate (429), for our key (401) or "
            "for our account's credit (402).",
            queries.INCIDENTS,
            unit="short",
            links=[traces_search("Failed traces", queries.FAILED_TRACES)],
        ),
        graph(
            "Rate-limit headroom by target",
            "What is left of each limit by the headers of the provider's last answer within a "
            "minute; of several workers' the lowest.",
            [queries.HEADROOM],
            unit=RATIO,
            limits=thresholds.HEADROOM_RATIO,
            maximum=1,
            absent="No provider told its limits in this time range",
        ),
        graph(
            "Error budget used, rolling 24 h",
            "Failed inferences of the 24 hours before each moment, of the "
            f"{thresholds.PROVIDER_ERROR_BUDGET_RATIO:.0%} that may fail.",
            [queries.BUDGET_USED_BY_PROVIDER],
            unit=RATIO,
            limits=thresholds.ERROR_BUDGET_USED_RATIO,
        ),
    ]


def latency() -> list[GraphPanel | HeatmapPanel]:
    """How long calls take."""
    return [
        graph(
            "Call duration p95 by model",
            "From the call to the end of the answer or the stream, retries included, for the "
            "models that were asked most.",
            [queries.DURATION_BY_MODEL],
            unit=SECONDS,
            limits=thresholds.PROVIDER_SECONDS,
            links=[traces_search("Slow traces", queries.SLOW_TRACES)],
        ).span(12),
        heat_map(
            "Call duration, every call",
            "How many inferences a second took how long.",
            DURATION_HEAT,
            unit=SECONDS,
        ).span(12),
    ]


def resilience() -> list[GraphPanel]:
    """What the gateway did about failing providers."""
    return [
        graph(
            "Retries per second by reason",
            "Attempts after the first at the same target, by what the attempt before ended with.",
            queries.RETRIES_BY_TYPE,
            unit=PER_SECOND,
        ),
        graph(
            "Fallbacks per second by way",
            "Changes from a failed target to the next one, whatever provider and model are chosen "
            "above.",
            queries.FALLBACKS_BY_WAY,
            unit=PER_SECOND,
        ),
        graph(
            "Timeouts per second by limit",
            "Attempts that ran out of time: while connecting, between two bytes, or as a whole.",
            [queries.TIMEOUTS_BY_KIND],
            unit=PER_SECOND,
            colors={"deadline": WARNING},
        ),
    ]
