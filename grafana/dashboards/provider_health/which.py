"""Which: providers, errors, limits and failed requests."""

from typing import Final

from grafana_foundation_sdk.builders.logs import Panel as LogsPanel
from grafana_foundation_sdk.builders.table import Panel as TablePanel

from grafana.dashboards import thresholds
from grafana.dashboards.links import traces_link
from grafana.dashboards.queries import provider_health as queries
from grafana.dashboards.queries.traces import FAILED_TRACES_OF_MODEL
from grafana.dashboards.selectors import label
from grafana.dashboards.tables import Column, log_lines, metrics_table, requests_table
from grafana.dashboards.units import RATIO, SECONDS
from otel import attributes as a

_COUNT: Final = Column(unit="locale", decimals=0, width=68)
_FAILED_TRACES: Final = (traces_link("Its failed traces", FAILED_TRACES_OF_MODEL),)


def rankings() -> list[TablePanel]:
    """Which model of which provider, which error, which limit."""
    return [_providers().span(13), _limits().span(11), _errors().span(24)]


def requests() -> list[TablePanel | LogsPanel]:
    """Which request: the slowest failures, and the newest."""
    return [
        requests_table(
            "Slowest failed requests",
            "The ten failed inferences of the time range that took longest, from the usage "
            "records.",
            queries.SLOWEST_FAILURES,
            names={
                label(a.ERROR_TYPE): "Error",
                label(a.TARGET): "Target",
                label(a.REQUEST_MODEL): "Model",
                label(a.APP): "App",
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
            "Failed inferences",
            "One line for each inference that failed, the newest first; open one for its "
            "attributes and trace.",
            queries.RECENT_FAILURES,
        ),
    ]


def _providers() -> TablePanel:
    return metrics_table(
        "Providers and models",
        "Every model that was asked within the time range; its name opens its failed traces.",
        queries.PROVIDERS,
        names={label(a.PROVIDER_NAME): "Provider", label(a.REQUEST_MODEL): "Model"},
        columns={
            "Provider": Column(width=95),
            "Model": Column(links=_FAILED_TRACES),
            "Calls": _COUNT,
            "Failed": Column(unit=RATIO, decimals=1, width=70, limits=thresholds.ERROR_RATIO),
            "p95": Column(unit=SECONDS, width=70, limits=thresholds.PROVIDER_SECONDS),
            "Retries": _COUNT,
            "Timeouts": Column(unit="locale", decimals=0, width=80),
            "429": Column(unit="locale", decimals=0, width=55),
        },
        sort_by="Failed",
    )


def _limits() -> TablePanel:
    return metrics_table(
        "Rate limits as providers tell them",
        "By the headers of each target's last answer within a minute; empty where a provider "
        "sends none.",
        queries.RATE_LIMITS,
        names={
            label(a.TARGET): "Target",
            label(a.REQUEST_MODEL): "Model",
            label(a.RATE_LIMIT_KIND): "Of",
        },
        columns={
            "Target": Column(width=140),
            "Of": Column(width=75),
            "Used": Column(unit=RATIO, decimals=0, width=60, limits=thresholds.LIMIT_USED_RATIO),
            "Remaining": Column(unit="locale", decimals=0, width=85),
            "Limit": Column(unit="locale", decimals=0, width=75),
        },
        sort_by="Used",
    )


def _errors() -> TablePanel:
    return metrics_table(
        "Top errors of providers",
        "Failed attempts of the time range by what the provider said; retried ones too. Component "
        "is the part of the calling application.",
        queries.TOP_ERRORS,
        names={
            label(a.PROVIDER_NAME): "Provider",
            label(a.REQUEST_MODEL): "Model",
            label(a.COMPONENT): "Component",
            label(a.HTTP_STATUS_CODE): "Status",
            label(a.PROVIDER_ERROR_CODE): "Code",
            label(a.ERROR_TYPE): "Error",
        },
        columns={
            "Model": Column(links=_FAILED_TRACES),
            "Status": Column(width=80),
            "Attempts": Column(unit="locale", decimals=0, width=100),
            "Last 5 min": Column(unit="locale", decimals=0, width=100),
        },
        sort_by="Attempts",
    )
