"""What the numbers of objectives say of what their rules record."""

from __future__ import annotations

from pathlib import Path

import pytest

from grafana.dashboards.queries import slos as queries
from grafana.slos import series
from grafana.slos.declared import AVAILABILITY
from otel.names import Metric
from tests.grafana.situations import Situation, check

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1200)]

MONTH = series.ERROR_RATIO["30d"]


def of(metric: Metric, environment: str = "dev", slo: str = "availability") -> str:
    labels = f'deployment_environment_name="{environment}",gaugeway_slo="{slo}"'
    return f"{metric.prometheus}{{{labels}}}"


OTHER = {of(MONTH, slo="latency"): "0.5x40", of(series.BUDGET_LEFT, slo="latency"): "0.1x40"}
HOUR, FIVE_MINUTES = (queries.burn_rates(AVAILABILITY)[index] for index in (1, 0))

SITUATIONS = [
    Situation(
        "three in a thousand were bad",
        queries.attained(AVAILABILITY),
        {of(MONTH): "0.003x40", **OTHER},
        0.997,
    ),
    Situation(
        "one environment is worse than the other",
        queries.attained(AVAILABILITY),
        {of(MONTH): "0.003x40", of(MONTH, "staging"): "0.01x40"},
        0.99,
    ),
    Situation("nothing was counted", queries.attained(AVAILABILITY), OTHER, None),
    Situation(
        "one environment has less left than the other",
        queries.budget_left(AVAILABILITY),
        {
            of(series.BUDGET_LEFT): "0.4x40",
            of(series.BUDGET_LEFT, "staging"): "-0.5x40",
            **OTHER,
        },
        -0.5,
    ),
    Situation(
        "the last hour burns, the last five minutes no more",
        HOUR,
        {of(series.BURN_RATE["1h"]): "15x40", of(series.BURN_RATE["5m"]): "0x40"},
        15,
    ),
    Situation(
        "the last five minutes burn no more",
        FIVE_MINUTES,
        {of(series.BURN_RATE["1h"]): "15x40", of(series.BURN_RATE["5m"]): "0x40"},
        0,
    ),
    Situation(
        "a budget is overdrawn many times",
        queries.BUDGETS,
        {of(series.BUDGET_LEFT): "-7x40", of(series.BUDGET_LEFT, slo="cost"): "0.8x40"},
        {'{gaugeway_slo="availability"}': -1, '{gaugeway_slo="cost"}': 0.8},
    ),
]


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda situation: situation.name)
def test_a_number_says_what_is_so(situation: Situation, tmp_path: Path) -> None:
    check(situation, tmp_path)
