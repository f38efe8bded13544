"""An objective can be met, can be missed, and says what it promises."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grafana.alerts.slos import GROUP
from grafana.dashboards import thresholds
from grafana.slos import rules, series
from grafana.slos.declared import SLOS
from grafana.slos.slo import SLO, Events
from otel.names import METRICS

REPOSITORY = Path(__file__).parents[2]
COMPOSE = REPOSITORY / "docker-compose.yml"
PAGE = REPOSITORY / "docs/slos.md"

each = pytest.mark.parametrize("slo", SLOS, ids=lambda slo: slo.name)


@each
def test_everything_bad_burns_fast_enough_for_every_alert(slo: SLO) -> None:
    assert 0 < slo.objective < 1
    assert 1 / slo.budget > thresholds.FAST_BURN_RATE.critical


@each
def test_a_bound_of_good_is_the_bound_of_a_bucket(slo: SLO) -> None:
    if isinstance(slo.good, Events) and slo.good.series == "_bucket":
        [bound] = [part for part in slo.good.matchers if part.startswith("le=")]
        assert float(bound.removeprefix("le=").strip('"')) in slo.good.metric.buckets


@each
def test_what_is_counted_is_a_metric_of_ours_or_of_a_library(slo: SLO) -> None:
    for indicator in (slo.good, slo.total):
        if isinstance(indicator, Events):
            assert indicator.metric in METRICS


@each
def test_a_promise_is_said_in_words_and_in_percent(slo: SLO) -> None:
    assert len(slo.promise) > 20
    assert slo.percent == f"{slo.objective * 100:g} %"
    for alert in GROUP.alerts:
        if alert.panel == slo.burn_rate_panel:
            assert slo.promise in alert.description
            assert slo.percent in alert.description


@each
def test_every_objective_records_every_series_once_and_has_two_alerts(slo: SLO) -> None:
    recorded = [
        rule.series
        for group in rules.GROUPS
        for rule in group.rules
        if rule.labels == {"gaugeway_slo": slo.name}
    ]
    assert sorted(metric.name for metric in recorded) == sorted(
        metric.name for metric in series.ALL
    )
    alerts = [alert for alert in GROUP.alerts if f'gaugeway_slo="{slo.name}"' in alert.value]
    assert [alert.severity for alert in alerts] == ["critical", "warning"]
    assert {alert.team for alert in alerts} == {slo.team}


def test_a_rule_reads_its_own_objective_alone() -> None:
    names = {slo.name for slo in SLOS}
    assert len(names) == len(SLOS)
    for group in rules.GROUPS:
        for rule in group.rules:
            for other in names - {rule.labels["gaugeway_slo"]}:
                assert f'gaugeway_slo="{other}"' not in rule.expression


def test_metrics_are_kept_for_longer_than_a_budgets_window() -> None:
    [kept] = re.findall(r"GAUGEWAY_PROMETHEUS_RETENTION:-(\d+)d", COMPOSE.read_text())
    for slo in SLOS:
        assert slo.window in series.ERROR_RATIO
        assert int(slo.window.removesuffix("d")) < int(kept)


def test_the_page_of_objectives_lists_each_with_its_share() -> None:
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines()]
    stated = {row[0].strip("`"): row[-1] for row in rows if row[-1].endswith(" %")}
    assert stated == {slo.name: slo.percent for slo in SLOS}
