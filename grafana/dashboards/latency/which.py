"""Which: models, sizes of prompts and single requests."""

from typing import Final

from grafana_foundation_sdk.builders.logs import Panel as LogsPanel
from grafana_foundation_sdk.builders.table import Panel as TablePanel

from grafana.dashboards import thresholds
from grafana.dashboards.links import traces_link
from grafana.dashboards.queries import latency as queries
from grafana.dashboards.queries import records
from grafana.dashboards.queries.traces import SLOW_TRACES_OF_MODEL
from grafana.dashboards.selectors import label
from grafana.dashboards.tables import (
    Column,
    log_lines,
    metrics_table,
    records_table,
    requests_table,
)
from grafana.dashboards.units import RATIO, SECONDS
from otel import attributes as a

_DURATION: Final = Column(unit=SECONDS, width=80, limits=thresholds.DURATION_SECONDS)
_MILLISECONDS: Final = thresholds.in_milliseconds(thresholds.DURATION_SECONDS)
_LATENCY: Final = Column(unit="ms", width=80, limits=_MILLISECONDS)
_TOKENS: Final = Column(width=95)


def rankings() -> list[TablePanel]:
    """Which models."""
    return [
        metrics_table(
            "Models by duration",
            "Every model that was asked within the time range; its name opens its slow traces.",
            queries.MODELS,
            names={label(a.PROVIDER_NAME): "Provider", label(a.REQUEST_MODEL): "Model"},
            columns={
                "Provider": Column(width=90),
                "Model": Column(links=(traces_link("Its slow traces", SLOW_TRACES_OF_MODEL),)),
                **dict.fromkeys(("p50", "p95", "p99"), _DURATION),
                "Slow": Column(unit=RATIO, decimals=1, width=65, limits=thresholds.SLOW_RATIO),
                "Requests": Column(unit="locale", decimals=0, width=85),
                "First chunk p95": Column(
                    unit=SECONDS,
                    width=130,
                    limits=thresholds.FIRST_CHUNK_SECONDS,
                    absent="no streams",
                ),
                "Output chunk p95": Column(
                    unit=SECONDS,
                    width=140,
                    limits=thresholds.OUTPUT_CHUNK_SECONDS,
                    absent="no streams",
                ),
            },
            sort_by="p95",
        )
        .height(7)
        .span(24),
    ]


def requests() -> list[TablePanel | LogsPanel]:
    """Which sizes of prompts, and which request: the slowest and the newest."""
    return [
        *_prompts(),
        log_lines(
            "Usage records",
            "One line for each inference, the newest first; open one for its attributes and trace.",
            records.RECENT_USAGE,
        ),
    ]


def _prompts() -> list[TablePanel]:
    return [
        records_table(
            "Requests by tokens of the prompt",
            f"Slow took longer than {thresholds.DURATION_SECONDS.warning:g} s. From the usage "
            "records; without those that failed, which have no tokens.",
            records.PROMPT_SIZES,
            names={records.PROMPT_SIZE: "Tokens in"},
            columns={
                **dict.fromkeys(("p50", "p95", "Slowest"), _LATENCY),
                "Requests": Column(unit="locale", decimals=0, width=85),
                "Slow": Column(unit="locale", decimals=0, width=60, absent="0"),
            },
            sort_by="p95",
        ).span(10),
        requests_table(
            "Slowest requests and their prompts",
            "The ten slowest inferences that have tokens: from the usage records.",
            records.SLOWEST_PROMPTS,
            names={
                label(a.USAGE_INPUT_TOKENS): "Tokens in",
                label(a.USAGE_OUTPUT_TOKENS): "Tokens out",
                label(a.REQUEST_MODEL): "Model",
                label(a.APP): "App",
                label(a.OUTCOME): "Outcome",
            },
            columns={
                "Latency": Column(unit="ms", width=85, limits=_MILLISECONDS),
                "Tokens in": _TOKENS,
                "Tokens out": _TOKENS,
                "Outcome": Column(width=120),
                "App": Column(width=125),
            },
            sort_by="Latency",
        ).span(14),
    ]
